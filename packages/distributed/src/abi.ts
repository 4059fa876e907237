import type { LibraryHandle } from 'koffi';

/**
 * The two binary interfaces of MPI. Open MPI's handles are addresses of objects in its library; MPICH's are numbers that its ABI
 * initiative fixed (2013; MVAPICH, Intel MPI and Cray MPICH have the same).
 */
export interface Abi {
  readonly family: 'Open MPI' | 'MPICH';
  /** The C type of a handle. */
  readonly handle: 'void *' | 'int';
  readonly world: unknown;
  readonly types: Readonly<Record<'float32' | 'float64' | 'int32' | 'bytes', unknown>>;
  readonly operations: Readonly<Record<'sum' | 'max' | 'min', unknown>>;
  /** MPI_IN_PLACE and MPI_STATUS_IGNORE, addresses. */
  readonly inPlace: number;
  readonly ignoreStatus: number;
}

export function abiOf(library: LibraryHandle): Abi {
  const symbol = (name: string): unknown => library.symbol(name);
  try {
    return {
      family: 'Open MPI',
      handle: 'void *',
      world: symbol('ompi_mpi_comm_world'),
      types: {
        float32: symbol('ompi_mpi_float'),
        float64: symbol('ompi_mpi_double'),
        int32: symbol('ompi_mpi_int'),
        bytes: symbol('ompi_mpi_byte'),
      },
      operations: { sum: symbol('ompi_mpi_op_sum'), max: symbol('ompi_mpi_op_max'), min: symbol('ompi_mpi_op_min') },
      inPlace: 1,
      ignoreStatus: 0,
    };
  } catch {
    return MPICH;
  }
}

const MPICH: Abi = {
  family: 'MPICH',
  handle: 'int',
  world: 0x44000000,
  types: { float32: 0x4c00040a, float64: 0x4c00080b, int32: 0x4c000405, bytes: 0x4c00010d },
  operations: { sum: 0x58000003, max: 0x58000001, min: 0x58000002 },
  inPlace: -1,
  ignoreStatus: 1,
};
