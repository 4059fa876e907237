const [MAP_READ, COPY_SRC, COPY_DST, UNIFORM, STORAGE] = [0x01, 0x04, 0x08, 0x40, 0x80]; // GPUBufferUsage, which exists only where WebGPU does

export const BUFFER_USAGE = {
  storage: STORAGE | COPY_SRC | COPY_DST,
  uniform: UNIFORM | COPY_DST,
  read: MAP_READ | COPY_DST,
  passage: COPY_SRC | COPY_DST,
} as const;
export const MAP_MODE_READ = 1; // GPUMapMode.READ
