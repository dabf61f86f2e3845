import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A page with uPlot and its data in it, so that it needs no other file. @param name of the data in its script. */
export function selfContained(template: string, name: string, data: object): string {
  const packages = createRequire(import.meta.url);
  const chart = (file: string) => readFileSync(packages.resolve(`uplot/dist/${file}`), 'utf8');
  const parts: Record<string, string> = {
    '/* uPlot.css */': chart('uPlot.min.css'),
    '/* uPlot.js */': chart('uPlot.iife.min.js'),
    // A script ends where "</" stands, inside of strings too.
    '/* data */': `const ${name} = ${JSON.stringify(data).replaceAll('<', '\\u003c')};`,
  };
  return template.replace(/\/\* (uPlot\.css|uPlot\.js|data) \*\//g, (mark) => parts[mark]!);
}
