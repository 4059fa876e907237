import type { StepRecorder } from './program';
import type {
  ConvolutionStep,
  DecayStep,
  DenseSumStep,
  GatedUnitStep,
  GatherStep,
  ProductStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SelectiveStep,
  SiluStep,
  TimeStepsStep,
  UniformsStep,
} from './recorded-steps';

/** Makes the steps of a program for some number of rows. */
export type Play = (to: StepRecorder) => void;

/** Keeps the steps that it is given, so that they can be made for any number of rows. */
export class Recording implements StepRecorder {
  readonly #steps: Play[] = [];

  /** Gives all steps, in order, to what makes them. */
  playTo(to: StepRecorder): void {
    for (const play of this.#steps) play(to);
  }

  /** Called with each step as it comes. */
  protected keep(play: Play): void {
    this.#steps.push(play);
  }

  gather(step: GatherStep): void {
    this.keep((to) => to.gather(step));
  }

  setUniforms(step: UniformsStep): void {
    this.keep((to) => to.setUniforms(step));
  }

  scale(step: ScaleStep): void {
    this.keep((to) => to.scale(step));
  }

  products(steps: readonly ProductStep[]): void {
    this.keep((to) => to.products(steps));
  }

  rmsNorm(step: RmsNormStep): void {
    this.keep((to) => to.rmsNorm(step));
  }

  convolution(step: ConvolutionStep): void {
    this.keep((to) => to.convolution(step));
  }

  selective(step: SelectiveStep): void {
    this.keep((to) => to.selective(step));
  }

  decay(step: DecayStep): void {
    this.keep((to) => to.decay(step));
  }

  silu(step: SiluStep): void {
    this.keep((to) => to.silu(step));
  }

  denseSum(step: DenseSumStep): void {
    this.keep((to) => to.denseSum(step));
  }

  rotate(step: RotateStep): void {
    this.keep((to) => to.rotate(step));
  }

  gatedUnit(step: GatedUnitStep): void {
    this.keep((to) => to.gatedUnit(step));
  }

  timeSteps(step: TimeStepsStep): void {
    this.keep((to) => to.timeSteps(step));
  }
}
