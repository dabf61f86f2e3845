import { Command, CommanderError } from 'commander';
import { EdgeRunnerError } from '../protocol/index.ts';
import { doctorCommand } from './commands/doctor.ts';
import { inspectCommand } from './commands/inspect.ts';
import { joinCommand } from './commands/join.ts';
import { modelsCommand } from './commands/models.ts';
import { runCommand } from './commands/run.ts';
import { serverCommand } from './commands/server.ts';
import { serviceCommand } from './commands/service.ts';
import { streetCommand } from './commands/street.ts';
import { submitCommand } from './commands/submit.ts';
import { tokenCommand } from './commands/token.ts';
import { reportError } from './run/reporter.ts';

/** The `edge-runner` command. Sets the exit code (docs/exit-codes.md) and leaves nothing running. */
export async function main(argv: string[]): Promise<void> {
  // Whoever reads us may go before we are done; what is still said then is said to nobody, and that is no crash.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const program = new Command('edge-runner')
    .description('Video AI on your own GPUs, in a browser')
    .version(__VERSION__)
    .showHelpAfterError(false)
    .configureOutput({ outputError: () => {} });
  const commands = [
    ...[runCommand(), serverCommand(), joinCommand(), submitCommand()],
    ...[
      serviceCommand(),
      tokenCommand(),
      modelsCommand(),
      inspectCommand(),
      streetCommand(),
      doctorCommand(),
    ],
  ];
  for (const command of commands) program.addCommand(command);
  eachCommand(program, (command) => command.exitOverride().configureOutput({ outputError: () => {} }));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = end(error, argv);
  } finally {
    // Standard input may be a pipe that never ends.
    process.stdin.unref?.();
  }
}

/** Put in by the build. */
declare const __VERSION__: string;

function end(error: unknown, argv: string[]): number {
  if (error instanceof CommanderError) {
    // Help and version are no errors, and were printed.
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, '');
    if (message !== '(outputHelp)')
      reportError(
        new EdgeRunnerError('usage', `${message}.`.replace(/\.\.$/, '.'), 'See "edge-runner --help".'),
        argv.includes('--json'),
      );
    return 2;
  }
  const fault = EdgeRunnerError.from(error);
  reportError(fault, argv.includes('--json'));
  return fault.exitCode;
}

function eachCommand(command: Command, apply: (command: Command) => void): void {
  apply(command);
  for (const sub of command.commands) eachCommand(sub, apply);
}
