import { afterEach, expect, it } from 'vitest';
import { userEvent } from 'vitest/browser';
import { SoundInStep } from './audio.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Browsers let pages make sound once they were touched. */
async function touch(): Promise<void> {
  const button = document.createElement('button');
  button.textContent = 'sound';
  document.body.append(button);
  await userEvent.click(button);
  button.remove();
}

/** A context whose stream clicks once a second, and when it does, seconds of the page's clock. */
function clicks() {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const gain = context.createGain();
  gain.gain.value = 0;
  const tone = context.createOscillator();
  tone.frequency.value = 1000;
  tone.connect(gain).connect(out);
  tone.start();
  for (let second = 0; second < 60; second++) {
    gain.gain.setValueAtTime(1, second);
    gain.gain.setValueAtTime(0, second + 0.05);
  }
  open.push({ close: () => context.close() });
  return { context, stream: out.stream };
}

/** Seconds into a context's second at which a stream clicks, the middle one of some. */
async function phaseOf(context: AudioContext, stream: MediaStream): Promise<number> {
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const phases: number[] = [];
  let quiet = true;
  while (phases.length < 5) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    analyser.getFloatTimeDomainData(samples);
    const loud = samples.some((sample) => Math.abs(sample) > 0.3);
    if (loud && quiet) phases.push(context.currentTime % 1);
    if (loud !== !quiet) quiet = !loud;
  }
  return phases.sort((a, b) => a - b)[2]!;
}

it('sound is held back for as long as the picture takes, less what it is late by itself', async () => {
  await touch();
  const { context, stream } = clicks();
  const sound = new SoundInStep();
  open.push(sound);
  sound.from(stream);
  const straight = await phaseOf(context, stream);
  const at = async (latency: number) => {
    sound.follow(latency);
    // The change is let in slowly.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return (
      (await phaseOf(context, sound.track.readyState === 'live' ? new MediaStream([sound.track]) : stream)) -
      straight
    );
  };
  const unheld = await at(0);
  const held = await at(300);
  expect(sound.runs).toBe(true);
  // What the graph itself takes, some buffers.
  expect(unheld).toBeGreaterThanOrEqual(-0.01);
  expect(unheld).toBeLessThan(0.12);
  expect(held - unheld).toBeGreaterThan(0.25);
  expect(held - unheld).toBeLessThan(0.33);
});

it('a source without sound is silence, and one with it is heard after it', async () => {
  await touch();
  const { context, stream } = clicks();
  const sound = new SoundInStep();
  open.push(sound);
  sound.from(new MediaStream());
  sound.from(stream);
  expect(await phaseOf(context, new MediaStream([sound.track]))).toBeLessThan(0.3);
});
