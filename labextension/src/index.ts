/** What the extension brings: the experiments panel, results with controls, and forms kept true. */

import forms from './forms/plugin';
import panel from './panel/plugin';
import result from './result/plugin';

export default [panel, result, forms];
