import { expect, it } from 'vitest';
import { FrameLedger } from './frame-ledger.ts';

const frame = (timestamp: number) =>
  new VideoFrame(new Uint8Array(6 * 4), { format: 'I420', codedWidth: 4, codedHeight: 4, timestamp });

it('open frames are counted, the peak is kept, and every close is told', () => {
  let closed = 0;
  const ledger = new FrameLedger(() => closed++);
  const [a, b] = [ledger.own(frame(0)), ledger.own(frame(1))];
  ledger.close(a);
  expect([ledger.open, ledger.peak, closed]).toEqual([1, 2, 1]);
  ledger.close(b);
  expect([ledger.open, ledger.peak, closed]).toEqual([0, 2, 2]);
});

it('a frame closed twice is a fault that is heard', () => {
  const ledger = new FrameLedger();
  const once = ledger.own(frame(0));
  ledger.close(once);
  expect(() => ledger.close(once)).toThrow('closed twice');
});

it('the error path closes what is left', () => {
  const ledger = new FrameLedger();
  const left = [ledger.own(frame(0)), ledger.own(frame(1))];
  expect(ledger.closeAll()).toBe(2);
  expect(left.map(({ format }) => format)).toEqual([null, null]);
  expect(ledger.open).toBe(0);
});
