/** What the extension brings: the experiments panel, and results drawn with controls. */

import panel from './panel/plugin';
import result from './result/plugin';

export default [panel, result];
