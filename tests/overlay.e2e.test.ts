import { expect, it } from 'vitest';
import {
  alert,
  choose,
  FILM,
  looks,
  measures,
  OverlayPages,
  show,
  start,
  steps,
} from './support/overlay-page.ts';
import { expectAccessible, expectFits, shoot } from './support/pages.ts';
import { readCounters } from './support/y4m.ts';

const all = OverlayPages.use();

it('finds, follows and measures what is on the built-in street, without a server', async () => {
  const { page, faults } = await all.open();
  await start(page);
  await looks(page);
  await expect.poll(() => page.locator('.found').innerText()).toMatch(/\d+ (person|car|bicycle)/);
  await choose(page, 'Finds objects', 'street-yolo');
  await page.getByText('Side by side').click();
  await page.getByRole('rowheader', { name: 'infer-depth' }).waitFor();
  await expect.poll(() => measures(page)).toContain('1280×360');
  const measured = await measures(page);
  expect(measured).toMatch(/backend\s+cpu no WebGPU adapter/);
  expect(measured).toMatch(/latency\s+\d+ ms/);
  await expectAccessible(page);
  await expectFits(page);
  await shoot(page, 'overlay-street');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectFits(page);
  await shoot(page, 'overlay-phone');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Choose a source.').waitFor();
  expect(faults).toEqual([]);
});

it('every picture of a camera comes through, in order', async () => {
  const { page, faults } = await all.open();
  await choose(page, 'Source', 'camera');
  await show(page, 'Nothing');
  await start(page);
  await expect.poll(() => measures(page)).toContain('640×480');
  const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 60 });
  expect(
    numbers.filter((number) => number >= FILM.frames),
    `${numbers}`,
  ).toEqual([]);
  // The display may leave one out, or show one twice; it never goes back.
  expect(Math.max(...steps(numbers))).toBeLessThan(10);
  expect(steps(numbers).filter((step) => step === 1).length).toBeGreaterThan(40);
  expect(faults).toEqual([]);
});

it('counts who enters a zone that was drawn with the mouse', async () => {
  const { page, faults } = await all.open();
  await start(page);
  await looks(page);
  await page.getByRole('button', { name: '+ Polygon' }).click();
  const box = (await page.locator('video').boundingBox())!;
  for (const [x, y] of [
    [0.02, 0.3],
    [0.98, 0.3],
    [0.98, 0.98],
    [0.02, 0.98],
  ] as const)
    await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => page.locator('.zone').innerText()).toMatch(/polygon 1\s+\d+ inside, [1-9]\d* came/);
  await page.getByRole('button', { name: '+ Line' }).click();
  await page.mouse.click(box.x + 0.1 * box.width, box.y + 0.9 * box.height);
  await page.mouse.click(box.x + 0.9 * box.width, box.y + 0.9 * box.height);
  await page.getByText('line 1', { exact: true }).waitFor();
  await shoot(page, 'overlay-zones');
  await page.getByRole('button', { name: 'Remove polygon 1' }).click();
  await expect.poll(() => page.locator('.zone').count()).toBe(1);
  await page.getByText('As JSON').click();
  await page.getByLabel('Zones as JSON').fill('[{"name":"bow","polygon":[[0,0],[9,9],[9,0],[0,9]]}]');
  await page.getByLabel('Zones as JSON').blur();
  expect(await alert(page)).toContain('crosses itself');
  expect(faults).toEqual([]);
});

it('shows only what is wanted: by score and by class', async () => {
  const { page } = await all.open();
  await start(page);
  await looks(page);
  const found = page.locator('.found');
  await expect.poll(() => found.innerText()).toMatch(/person/);
  await page.getByLabel('car', { exact: true }).check();
  await expect
    .poll(async () => ((await found.count()) ? found.innerText() : ''))
    .not.toMatch(/person|bicycle/);
  await page.getByLabel('car', { exact: true }).uncheck();
  await expect.poll(() => found.innerText()).toMatch(/person/);
  await page.getByRole('slider', { name: /^Least score/ }).fill('0.95');
  await expect.poll(async () => ((await found.count()) ? found.innerText() : '')).toBe('');
  await page.getByRole('slider', { name: /^Least score/ }).fill('0.3');
  await expect.poll(() => found.count()).toBe(1);
  await show(page, 'Nothing');
  await expect.poll(() => found.count()).toBe(0);
});

it.each(['pipeline', 'processor'])('the example that is copied runs: %s', async (name) => {
  const { page, faults } = await all.open();
  await page.goto(`${all.pages.url}/examples/${name}/`);
  await page.getByRole('button', { name: 'Camera' }).click();
  await expect.poll(() => page.locator('#found, #measured').innerText()).toMatch(/\d+ found|\d+ fps/);
  await page.evaluate(readCounters, { selector: 'video', frames: 5 });
  expect(faults).toEqual([]);
});
