/** Whether an idle kernel still answers: asked while somebody looks, told within two seconds. */

import type { Kernel } from '@jupyterlab/services';

import { COMM_TARGET } from './tokens';

/** Between an answer and the next question. */
const PAUSE = 500;
/** How long an idle kernel may take; together with the pause, less than two seconds. */
const PATIENCE = 1300;

export class Heartbeat {
  /** `heard` gets each change: false when an answer is overdue, true when one came after all. */
  constructor(private readonly _heard: (answers: boolean) => void) {}

  /** Watch this kernel, or none. */
  watch(kernel: Kernel.IKernelConnection | null): void {
    if (kernel === this._kernel) {
      return;
    }
    this._kernel = kernel;
    this._silent = false;
    this._round += 1;
    if (kernel) {
      this._later(kernel, this._round, 0);
    }
  }

  private _later(kernel: Kernel.IKernelConnection, round: number, delay: number): void {
    window.setTimeout(() => {
      if (round === this._round && !kernel.isDisposed) {
        void this._beat(kernel, round);
      }
    }, delay);
  }

  /**
   * Ask once. The server does not count this question as activity, and the notebook does not show
   * it. A busy kernel answers when its cell has ended, so only an idle one can be late.
   */
  private async _beat(kernel: Kernel.IKernelConnection, round: number): Promise<void> {
    const idle = (): boolean =>
      kernel.status === 'idle' && kernel.connectionStatus === 'connected' && !document.hidden;
    if (!idle() && !this._silent) {
      this._later(kernel, round, PAUSE);
      return;
    }
    const overdue = window.setTimeout(() => {
      if (round === this._round && idle() && !this._silent) {
        this._silent = true;
        this._heard(false);
      }
    }, PATIENCE);
    try {
      await kernel.requestCommInfo({ target_name: COMM_TARGET });
    } catch {
      // It went away meanwhile; its change of status says so.
    }
    window.clearTimeout(overdue);
    if (round !== this._round) {
      return;
    }
    if (this._silent) {
      this._silent = false;
      this._heard(true);
    }
    this._later(kernel, round, PAUSE);
  }

  private _kernel: Kernel.IKernelConnection | null = null;
  private _silent = false;
  private _round = 0;
}
