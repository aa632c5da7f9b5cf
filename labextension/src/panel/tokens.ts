/** The names this extension is known by: ids, commands, the comm target. */

export const PLUGIN_ID = 'exp-jupyter:panel';
export const PANEL_ID = 'exp-jupyter-panel';
export const COMM_TARGET = 'exp_jupyter';
export const PROTOCOL_VERSION = 3;

export const CommandIDs = {
  open: 'exp-jupyter:open-panel',
  refresh: 'exp-jupyter:refresh-panel',
  approvals: 'exp-jupyter:open-approvals',
  analysis: 'exp-jupyter:new-analysis'
} as const;
