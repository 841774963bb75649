// The calls on snapshots: check, translate, call the engine, translate back.
import { clone, create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  type CreateSnapshotRequest,
  type DeleteSnapshotRequest,
  type GetSnapshotRequest,
  type ListSnapshotsRequest,
  type ListSnapshotsResponse,
  ListSnapshotsResponseSchema,
  type ListTopicSnapshotsRequest,
  type ListTopicSnapshotsResponse,
  ListTopicSnapshotsResponseSchema,
  projectOf,
  randomResourceId,
  type Snapshot,
  SnapshotSchema,
  type UpdateSnapshotRequest,
} from "@peal/wire";
import type { ApiContext } from "../api-context.js";
import { type CallSubjects, withProfileWords } from "../resource-errors.js";
import { snapshotMessage } from "../resources.js";
import { checkLabels } from "../validation/labels.js";
import { checkProjectName, checkSnapshotName, checkSubscriptionName, checkTopicName } from "../validation/names.js";
import { MASKED_SNAPSHOT } from "../validation/snapshot-rules.js";
import { applyUpdateMask, checkUpdateMask, fieldsOf } from "../validation/update-mask.js";
import { readPage } from "./page.js";

export async function createSnapshot(context: ApiContext, request: CreateSnapshotRequest): Promise<Snapshot> {
  const { engine, rules } = context;
  const subscription = checkSubscriptionName(rules, request.subscription);
  const name =
    request.name === ""
      ? `${projectOf(subscription)}/snapshots/${randomResourceId(context.random)}`
      : checkSnapshotName(rules, request.name);
  checkLabels(rules, request.labels);
  const subjects: CallSubjects = {
    missing: { kind: "subscription", name: subscription },
    existing: { kind: "snapshot", name },
  };
  const settings = { name, labels: request.labels };
  return snapshotMessage(await withProfileWords(rules, subjects, () => engine.createSnapshot(settings, subscription)));
}

export async function getSnapshot({ engine, rules }: ApiContext, request: GetSnapshotRequest): Promise<Snapshot> {
  const name = checkSnapshotName(rules, request.snapshot);
  return snapshotMessage(await withProfileWords(rules, snapshotMissing(name), () => engine.getSnapshot(name)));
}

export async function updateSnapshot({ engine, rules }: ApiContext, request: UpdateSnapshotRequest): Promise<Snapshot> {
  const asked = request.snapshot ?? create(SnapshotSchema);
  const name = checkSnapshotName(rules, asked.name);
  const paths = checkUpdateMask(MASKED_SNAPSHOT, request.updateMask);
  const updated = await withProfileWords(rules, snapshotMissing(name), () =>
    engine.updateSnapshot(name, (present) => {
      const changed = snapshotMessage(present);
      applyUpdateMask(paths, reflect(SnapshotSchema, changed), reflect(SnapshotSchema, clone(SnapshotSchema, asked)));
      if (fieldsOf(paths).has("labels")) checkLabels(rules, changed.labels);
      return { name: present.name, labels: changed.labels };
    }),
  );
  return snapshotMessage(updated);
}

export async function deleteSnapshot({ engine, rules }: ApiContext, request: DeleteSnapshotRequest): Promise<Empty> {
  const name = checkSnapshotName(rules, request.snapshot);
  await withProfileWords(rules, snapshotMissing(name), () => engine.deleteSnapshot(name));
  return create(EmptySchema);
}

export function listSnapshots({ engine, rules }: ApiContext, request: ListSnapshotsRequest): ListSnapshotsResponse {
  const project = checkProjectName(rules, request.project);
  const { items, nextPageToken } = readPage({
    rules,
    list: { scope: `snapshots of ${project}`, prefix: `${project}/snapshots/` },
    request,
    read: (slice) => engine.listSnapshots(project, slice),
    nameOf: (state) => state.name,
  });
  return create(ListSnapshotsResponseSchema, { snapshots: items.map(snapshotMessage), nextPageToken });
}

export async function listTopicSnapshots(
  { engine, rules }: ApiContext,
  request: ListTopicSnapshotsRequest,
): Promise<ListTopicSnapshotsResponse> {
  const topic = checkTopicName(rules, request.topic);
  const { items, nextPageToken } = await withProfileWords(rules, { missing: { kind: "topic", name: topic } }, () =>
    readPage({
      rules,
      list: { scope: `snapshots of ${topic}`, prefix: `${projectOf(topic)}/snapshots/` },
      request,
      read: (slice) => engine.listTopicSnapshots(topic, slice),
      nameOf: (name) => name,
    }),
  );
  return create(ListTopicSnapshotsResponseSchema, { snapshots: items, nextPageToken });
}

function snapshotMissing(name: string): CallSubjects {
  return { missing: { kind: "snapshot", name } };
}
