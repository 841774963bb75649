import { connectOfficialClients, type OfficialClients } from "./official.js";
import { RawGrpc } from "./raw-grpc.js";
import { Rest } from "./rest.js";

/** Every way to speak to one endpoint; shared by the cases that run against it. */
export interface Connection {
  /** `host:port` */
  readonly endpoint: string;
  readonly official: OfficialClients;
  readonly raw: RawGrpc;
  readonly rest: Rest;
  close(): Promise<void>;
}

export function connect(endpoint: string): Connection {
  const official = connectOfficialClients(endpoint);
  const raw = new RawGrpc(endpoint);
  const rest = new Rest(endpoint);
  return {
    endpoint,
    official,
    raw,
    rest,
    close: async () => {
      raw.close();
      rest.close();
      await official.close();
    },
  };
}
