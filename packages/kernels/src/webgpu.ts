export { registerWebGpuKernels, type WebGpuKernels } from './backends/webgpu/register';
