import { Option } from 'commander'
import type { ServeFlags } from './serve-run.ts'
import { defineVerb } from './verb.ts'

export const SERVE = defineVerb<ServeFlags>({
  usage: 'serve',
  summary: 'run one store of a cluster until it is told to end',
  description: [
    'Run one store of a cluster, until SIGTERM or SIGINT: it closes in order and the exit code is 0; a second signal ends ' +
      'it at once. A store that fails by itself ends with 1 and the reason.',
    'One line on stdout says that it is ready; log lines go to stderr as JSON.',
    'Every setting has three names, "dataDir" in a file, --data-dir and FLOTILLA_DATA_DIR: a flag wins over a variable, ' +
      'a variable over the file, the file over the default. Paths in a file begin at its directory.',
    'Key-value regions are there by default. State machines of your own come from an ES module: ' +
      'export const stateMachines = { type: (context) => machine }.',
  ],
  // From the table of a store's options, which comes from their schema.
  options: async () => [
    ...(await import('./serve-settings.ts')).serveOptions(),
    new Option(
      '--config <file>',
      'read settings from this JSON file (default: ./flotilla.json if there is one)',
    ),
    new Option(
      '--check-config',
      'print the settings as they take effect and where each comes from, open nothing',
    ),
  ],
  jsonHelp: 'print the ready line, or with --check-config the settings, as one JSON value',
  examples: [
    'flotilla serve --cluster-id shop --store-id s1 --data-dir ./data/s1 --stores s1=127.0.0.1:7201',
    'FLOTILLA_CLUSTER_ID=shop FLOTILLA_STORE_ID=s1 flotilla serve --data-dir ./data/s1 --stores s1=127.0.0.1:7201 --json',
    'flotilla serve --config s1.json --check-config',
  ],
  run: async (context) => (await import('./serve-run.ts')).serve(context),
})
