import { RunList } from "./run-list.js";

/** What has changed since the last record was taken, and must be told by the next. */
export class Unrecorded {
  /** Acked. */
  readonly acked = new RunList();
  /** Leased, extended or ended, where leases are recorded (exactly-once). */
  readonly leases = new RunList();
  /** Whose deliveries have failed, where that is counted. */
  readonly failed = new RunList();
  /** A floor that retention has moved and no record tells; 0: none. */
  droppedFloor = 0;
  /** An ack was taken for what retention has dropped: after a restart it must still hold, so the drop must be told. */
  isDropAcked = false;
  /** Exactly-once was switched off: no lease told before holds any more. */
  areLeasesOver = false;

  get isEmpty(): boolean {
    return (
      this.acked.runCount === 0 &&
      !this.isDropAcked &&
      this.leases.runCount === 0 &&
      this.failed.runCount === 0 &&
      !this.areLeasesOver
    );
  }

  clear(): void {
    this.acked.clear();
    if (this.leases.runCount > 0) this.leases.clear();
    if (this.failed.runCount > 0) this.failed.clear();
    this.droppedFloor = 0;
    this.isDropAcked = false;
    this.areLeasesOver = false;
  }
}
