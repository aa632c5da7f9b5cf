/** What a person may set of the panel, with the defaults of its schema. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';

export type Order = 'attention' | 'name' | 'newest';

export interface ISettings {
  /** How the experiments of a section are sorted until the panel's own choice says otherwise. */
  sort: Order;
  /** Whether running experiments are shown with what their main metric says. */
  readings: boolean;
  archived: boolean;
  flags: boolean;
  templates: boolean;
  /** Seconds between two questions while the panel is seen; 0 asks only when something changed. */
  refresh: number;
}

export const DEFAULTS: ISettings = {
  sort: 'attention',
  readings: true,
  archived: true,
  flags: true,
  templates: true,
  refresh: 0
};

export function orderOf(value: unknown): Order {
  return value === 'name' || value === 'newest' ? value : 'attention';
}

/** Tell `apply` the settings now and after each change; the defaults where there is no registry. */
export function followSettings(
  registry: ISettingRegistry | null,
  plugin: string,
  apply: (settings: ISettings) => void
): void {
  const read = (settings: ISettingRegistry.ISettings): void => {
    const sections = settings.get('sections').composite as Record<string, unknown> | undefined;
    const shown = (name: string): boolean => sections?.[name] !== false;
    const seconds = Number(settings.get('refresh').composite);
    apply({
      sort: orderOf(settings.get('sort').composite),
      readings: settings.get('readings').composite !== false,
      archived: shown('archived'),
      flags: shown('flags'),
      templates: shown('templates'),
      refresh: Number.isFinite(seconds) ? Math.max(seconds, 0) : 0
    });
  };
  // Without the registry, or without its server's answer, the defaults hold.
  registry
    ?.load(plugin)
    .then(settings => {
      settings.changed.connect(read);
      read(settings);
    })
    .catch(() => {
      apply(DEFAULTS);
    });
}
