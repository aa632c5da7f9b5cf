/** The line to one kernel: finds the kernel's half of exp_jupyter and listens to its snapshots. */

import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { Heartbeat } from './heartbeat';
import { type IReading, type ISnapshot, readingOf, snapshotOf } from './protocol';
import { COMM_TARGET, PROTOCOL_VERSION } from './tokens';

/** What is known of the active notebook's kernel. */
export type LinkState =
  | { kind: 'no-notebook' }
  | { kind: 'no-kernel' }
  | { kind: 'looking' }
  | { kind: 'restarting' }
  /** `again` holds the line that connected the project before the kernel was started anew. */
  | { kind: 'no-extension'; again: string | null }
  | { kind: 'connected'; snapshot: ISnapshot }
  /** Its process ended, and the server gave it up. */
  | { kind: 'dead' }
  /** It is idle and does not answer. */
  | { kind: 'silent' }
  /** The server does not answer. */
  | { kind: 'offline' };

/** A reconnection that takes longer than this is worth a word. */
const GRACE = 1000;

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
    this._session?.connectionStatusChanged.disconnect(this._onConnection, this);
    this._session = session;
    this._again = null;
    session?.kernelChanged.connect(this._onKernelChanged, this);
    session?.statusChanged.connect(this._onStatusChanged, this);
    session?.connectionStatusChanged.connect(this._onConnection, this);
    this._attach(session?.session?.kernel ?? null);
  }

  /** Somebody looks, or nobody does: a kernel is asked only for somebody's eyes. */
  setWatched(watched: boolean): void {
    if (watched === this._watched) {
      return;
    }
    this._watched = watched;
    this._heartbeat.watch(watched ? this._kernel : null);
    if (watched) {
      this._ask('hello');
    } else if (this._comm) {
      this._send(this._comm, { type: 'bye' });
    }
  }

  /** Have the kernel read everything anew; silent when it has no half of exp_jupyter. */
  refresh(): void {
    this._asked = null;
    this._ask('refresh');
  }

  /** Whether the kernel has nothing else to do. */
  get idle(): boolean {
    return this._kernel?.status === 'idle';
  }

  /** Have running experiments read, one at a time, so that a cell never waits for more than one. */
  readOn(wanted: boolean): void {
    this._readings = wanted;
    this._readNext();
  }

  /** Begin again where a kernel has ended or does not answer: the same one, or a new one. */
  async revive(): Promise<void> {
    const session = this._session;
    if (!session) {
      return;
    }
    this._set({ kind: 'restarting' });
    const name = session.kernelPreference.name ?? session.session?.kernel?.name;
    if (session.session?.kernel) {
      await session.restartKernel();
    }
    const status = session.session?.kernel?.status;
    if (status === undefined || status === 'dead' || status === 'unknown') {
      try {
        await session.changeKernel(name ? { name } : undefined);
      } catch {
        this._set({ kind: 'dead' });
      }
    }
  }

  /** Try the server again, now rather than after its next pause. */
  async reconnect(): Promise<void> {
    try {
      await this._kernel?.reconnect();
    } catch {
      this._set({ kind: 'offline' });
    }
  }

  private _ask(type: 'hello' | 'refresh'): void {
    if (this._comm && !this._comm.isDisposed) {
      this._send(this._comm, { type, version: PROTOCOL_VERSION });
    } else if (this._kernel) {
      void this._reach(this._kernel);
    }
  }

  private _onKernelChanged(): void {
    this._attach(this._session?.session?.kernel ?? null);
  }

  private _onStatusChanged(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      // A restarted kernel has lost its comms and its project: say so instead of showing the past.
      this._forget();
      this._set({ kind: 'no-extension', again: this._again ?? '' });
    } else if (status === 'dead') {
      this._forget();
      this._set({ kind: 'dead' });
    }
  }

  private _onConnection(_: ISessionContext, status: Kernel.ConnectionStatus): void {
    window.clearTimeout(this._lost);
    if (status === 'connected') {
      if (this._state.kind === 'offline') {
        this._comm = null;
        this._set({ kind: 'looking' });
        this._ask('hello');
      }
      return;
    }
    // Every kernel's first connection, and each restart, is a moment without one.
    this._lost = window.setTimeout(() => {
      const kernel = this._kernel;
      if (kernel && !kernel.isDisposed && kernel.connectionStatus !== 'connected') {
        this._comm = null;
        this._set({ kind: 'offline' });
      }
    }, GRACE);
  }

  private _onHeard(answers: boolean): void {
    if (!answers) {
      this._set({ kind: 'silent' });
    } else if (this._state.kind === 'silent') {
      this._set({ kind: 'looking' });
      this._ask('hello');
    }
  }

  private _attach(kernel: Kernel.IKernelConnection | null): void {
    this._kernel?.removeCommTarget(COMM_TARGET, this._onOpened);
    this._kernel = kernel;
    this._forget();
    this._set({ kind: kernel ? 'looking' : this._session ? 'no-kernel' : 'no-notebook' });
    this._heartbeat.watch(this._watched ? kernel : null);
    if (kernel) {
      kernel.registerCommTarget(COMM_TARGET, this._onOpened);
      if (this._watched) {
        void this._reach(kernel);
      }
    }
  }

  private _forget(): void {
    this._comm = null;
    this._asked = null;
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
        this._set({ kind: 'no-extension', again: this._again });
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
        this._forget();
        this._set({ kind: 'no-extension', again: this._again });
      }
    };
  }

  private _receive(data: unknown): void {
    const snapshot = snapshotOf(data);
    if (snapshot) {
      this._again = snapshot.project?.line ?? this._again;
      this._set({ kind: 'connected', snapshot });
      this._readNext();
      return;
    }
    const reading = readingOf(data);
    if (reading && this._state.kind === 'connected') {
      const { snapshot } = this._state;
      this._set({ kind: 'connected', snapshot: withReading(snapshot, reading) });
      this._readNext();
    }
  }

  /** Ask for the next reading that is missing; none is asked for twice. */
  private _readNext(): void {
    if (!this._readings || !this._watched || !this._comm || this._state.kind !== 'connected') {
      return;
    }
    const asked = (this._asked ??= new Set<number>());
    const missing = this._state.snapshot.experiments.filter(one => one.readable && !one.reading);
    if (missing.some(one => one.id === this._reading && asked.has(one.id))) {
      return; // its answer is on the way
    }
    const next = missing.find(one => !asked.has(one.id));
    if (next) {
      asked.add(next.id);
      this._reading = next.id;
      this._send(this._comm, { type: 'reading', id: next.id });
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
  private readonly _heartbeat = new Heartbeat(answers => {
    this._onHeard(answers);
  });
  private _state: LinkState = { kind: 'no-notebook' };
  private _session: ISessionContext | null = null;
  private _kernel: Kernel.IKernelConnection | null = null;
  private _comm: Kernel.IComm | null = null;
  private _watched = false;
  private _readings = false;
  /** The line that connected the project, kept over a restart; null while nothing was connected. */
  private _again: string | null = null;
  /** Whose readings were asked for on this line. */
  private _asked: Set<number> | null = null;
  private _reading = 0;
  private _lost = 0;
}

function withReading(snapshot: ISnapshot, reading: IReading): ISnapshot {
  const experiments = snapshot.experiments.map(one =>
    one.id === reading.id ? { ...one, reading } : one
  );
  return { ...snapshot, experiments };
}
