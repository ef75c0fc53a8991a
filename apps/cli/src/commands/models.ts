import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { table } from '../output/table.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';

export function addModels(program: Command, context: CommandContext): void {
  const { terminal, env } = context;
  clientCommand(program, 'models', 'List the models that the engine can run now')
    .addHelpText('after', '\nExample:\n  $ llm-engine models')
    .action((flags: ClientFlags) =>
      context.run(flags, async () => {
        const models = await (await jobsClient(flags, env)).models();
        if (flags.json === true) terminal.json(models);
        else if (models.length === 0) terminal.note('No worker has announced a model yet.');
        else {
          const head = ['MODEL', 'OWNED BY'].map((name) => terminal.paint.dim(name));
          terminal.print(...table([head, ...models.map(({ id, owned_by: owner }) => [id, owner])]));
        }
        return EXIT.ok;
      }),
    );
}
