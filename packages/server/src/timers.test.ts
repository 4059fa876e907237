import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { after, every } from './timers';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('A time above what timers hold is as long as they hold, and an infinite one never comes', () => {
  const calls: string[] = [];
  after(2 ** 40, () => calls.push('once'));
  every(2 ** 40, () => calls.push('again'));
  after(Infinity, () => calls.push('never'));
  every(Infinity, () => calls.push('never'));
  expect(vi.getTimerCount()).toBe(2);
  vi.advanceTimersByTime(2 ** 31 - 2);
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(calls).toEqual(['once', 'again']);
});

it('A timer that was stopped does not come', () => {
  const calls: string[] = [];
  const stops = [after(10, () => calls.push('once')), every(10, () => calls.push('again')), after(Infinity, () => calls.push('never'))];
  for (const stop of stops) stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(100);
  expect(calls).toEqual([]);
});
