import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'exp-jupyter:result',
  autoStart: true,
  activate: () => undefined
};
export default plugin;
