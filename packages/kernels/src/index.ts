export { type CumsumAttrs, cumsum } from './cumsum/kernel';
export { type MatMulAttrs, type MatMulInputs, matMul } from './matmul/kernel';
