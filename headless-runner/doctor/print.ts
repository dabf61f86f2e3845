import type { DoctorReport } from '../commands/doctor.ts';
import { table } from '../inspect/table.ts';

/** The report for a person. */
export function printReport(report: DoctorReport): string {
  const { capabilities: can, browser, backend } = report;
  const adapter = can.adapter
    ? `${can.adapter.vendor} ${can.adapter.architecture}${can.adapter.software ? ' (software)' : ''}${can.adapter.f16 ? ', f16' : ''}`
    : 'none';
  const rows = [
    ['node', `${report.node} on ${report.platform}`],
    ['browser', `${browser.version}, ${browser.path}`],
    [
      'threads',
      can.crossOriginIsolated ? `${can.cores} cores` : 'one: the page is not cross-origin isolated',
    ],
    ['wasm', can.jspi ? 'suspends by itself (JSPI)' : 'without JSPI'],
    ['GPU', report.gpuInSystem ? 'the system shows one' : 'the system shows none'],
    ['WebGPU', adapter],
    ['backend', `${backend.name}: ${backend.reason}`],
    ['decode', codecs(can.decode)],
    ['encode', codecs(can.encode)],
    [
      'audio',
      Object.entries(can.audioDecode)
        .filter(([, can]) => can)
        .map(([name]) => name)
        .join(', '),
    ],
    ...report.models.map(({ name, where }, i) => [
      i === 0 ? 'models' : '',
      `${name}: ${where ?? 'not here'}`,
    ]),
  ];
  const advice = report.advice.map((line) => `- ${line}\n`).join('');
  return `${table(rows)}\n${advice && `\n${advice}`}`;
}

function codecs(support: Record<string, 'hardware' | 'software' | 'no'>): string {
  const named = Object.entries(support).filter(([, how]) => how !== 'no');
  return (
    named.map(([name, how]) => (how === 'hardware' ? `${name} (hardware)` : name)).join(', ') || 'nothing'
  );
}
