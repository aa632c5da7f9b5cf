/** The line to one kernel: finds the kernel's half of exp_jupyter and listens to its snapshots. */

import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { type ISnapshot, snapshotOf } from './protocol';
import { COMM_TARGET, PROTOCOL_VERSION } from './tokens';

/** What is known of the active notebook's kernel. */
export type LinkState =
  | { kind: 'no-notebook' }
  | { kind: 'looking' }
  | { kind: 'no-extension' }
  | { kind: 'connected'; snapshot: ISnapshot };

export class KernelLink {
  /** Emitted whenever the state changes. */
  get changed(): ISignal<this, LinkState> {
    return this._changed;
  }

  get state(): LinkState {
    return this._state;
  }

  /** Follow another notebook's kernel, or none. */
  follow(session: ISessionContext | null): void {
    if (session === this._session) {
      return;
    }
    this._session?.kernelChanged.disconnect(this._onKernelChanged, this);
    this._session?.statusChanged.disconnect(this._onStatusChanged, this);
    this._session = session;
    session?.kernelChanged.connect(this._onKernelChanged, this);
    session?.statusChanged.connect(this._onStatusChanged, this);
    this._attach(session?.session?.kernel ?? null);
  }

  /** Somebody looks, or nobody does: a kernel is asked only for somebody's eyes. */
  setWatched(watched: boolean): void {
    if (watched === this._watched) {
      return;
    }
    this._watched = watched;
    if (watched) {
      this.refresh();
    } else if (this._comm) {
      this._send(this._comm, { type: 'bye' });
    }
  }

  /** Ask the kernel for its present state; silent when it has no half of exp_jupyter. */
  refresh(): void {
    if (this._comm && !this._comm.isDisposed) {
      this._send(this._comm, { type: 'hello', version: PROTOCOL_VERSION });
    } else if (this._kernel) {
      void this._reach(this._kernel);
    }
  }

  private _onKernelChanged(): void {
    this._attach(this._session?.session?.kernel ?? null);
  }

  private _onStatusChanged(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      // A restarted kernel has lost its comms and its project: say so instead of showing the past.
      this._comm = null;
      this._set({ kind: 'no-extension' });
    }
  }

  private _attach(kernel: Kernel.IKernelConnection | null): void {
    this._kernel?.removeCommTarget(COMM_TARGET, this._onOpened);
    this._kernel = kernel;
    this._comm = null;
    this._set({ kind: kernel ? 'looking' : 'no-notebook' });
    if (kernel) {
      kernel.registerCommTarget(COMM_TARGET, this._onOpened);
      if (this._watched) {
        void this._reach(kernel);
      }
    }
  }

  /** The kernel opened the line, as it does when the extension is loaded. */
  private readonly _onOpened = (comm: Kernel.IComm, message: KernelMessage.ICommOpenMsg): void => {
    this._listen(comm);
    this._receive(message.content.data);
    if (this._watched) {
      this._send(comm, { type: 'hello', version: PROTOCOL_VERSION });
    }
  };

  /** Open the line ourselves, as after a page reload, but only to a kernel that knows the target. */
  private async _reach(kernel: Kernel.IKernelConnection): Promise<void> {
    try {
      await kernel.info;
      const reply = await kernel.requestCommInfo({ target_name: COMM_TARGET });
      const known = reply.content.status === 'ok' && Object.keys(reply.content.comms).length > 0;
      if (kernel !== this._kernel || this._comm) {
        return;
      }
      if (!known) {
        this._set({ kind: 'no-extension' });
        return;
      }
      const comm = kernel.createComm(COMM_TARGET);
      this._listen(comm);
      comm.open({ type: 'hello', version: PROTOCOL_VERSION });
    } catch {
      // The kernel went away meanwhile; its change of status has already been shown.
    }
  }

  private _listen(comm: Kernel.IComm): void {
    this._comm = comm;
    comm.onMsg = message => {
      this._receive(message.content.data);
    };
    comm.onClose = () => {
      if (this._comm === comm) {
        this._comm = null;
        this._set({ kind: 'no-extension' });
      }
    };
  }

  private _receive(data: unknown): void {
    const snapshot = snapshotOf(data);
    if (snapshot) {
      this._set({ kind: 'connected', snapshot });
    }
  }

  private _send(comm: Kernel.IComm, message: JSONObject): void {
    try {
      comm.send(message);
    } catch {
      this._comm = null;
    }
  }

  private _set(state: LinkState): void {
    this._state = state;
    this._changed.emit(state);
  }

  private readonly _changed = new Signal<this, LinkState>(this);
  private _state: LinkState = { kind: 'no-notebook' };
  private _session: ISessionContext | null = null;
  private _kernel: Kernel.IKernelConnection | null = null;
  private _comm: Kernel.IComm | null = null;
  private _watched = false;
}
