import {
  type Comment,
  type Issue,
  type ProjectData,
  projectOf,
  type SpaceData,
  toStatusId,
} from "./shapes.ts";

/** One entry of what happened, as a user's or a project's activities have it. */
export type Activity = ReturnType<typeof toActivities>[number];

/** What happened to issues, oldest first: 1 created, 2 updated, 3 said, 14 in bulk. */
export function toActivities(data: SpaceData) {
  return data.issues
    .flatMap((issue) => toEvents(data, issue))
    .sort((a, b) => (a.created < b.created ? -1 : 1))
    .map((event, index) => {
      return { id: 3_100_000 + index * 3, notifications: [], ...event };
    });
}

function toEvents(data: SpaceData, issue: Issue) {
  const { id, projectId, keyId, summary, description } = issue;
  const { createdUser, created } = issue;
  const owner = projectOf(data, projectId);
  const { project } = owner;
  const facts = { id, key_id: keyId, summary, description };
  return [
    { project, type: 1, content: facts, createdUser, created },
    ...(data.comments.get(id) ?? []).flatMap((comment) => {
      const bulk = data.bulkUpdates.find((ids) => ids.includes(comment.id));
      // One entry for all of them, told with the first.
      if (bulk && bulk[0] !== comment.id) return [];
      const { createdUser, created } = comment;
      const said = { ...toSaid(comment), changes: toChanges(comment, owner) };
      const link = bulk?.flatMap((one) => toLink(data, one));
      const content = link
        ? { tx_id: comment.id, ...said, link }
        : { ...facts, ...said, attachments: [] };
      const type = comment.content ? 3 : 2;
      const event = { project, type, content, createdUser, created };
      return [link ? { ...event, type: 14 } : event];
    }),
  ];
}

function toSaid({ id, content }: Comment) {
  return { comment: { id, content } };
}

/** As an activity has them: a status by its ID. */
function toChanges({ changeLog }: Comment, owner: ProjectData) {
  return (changeLog ?? []).map(({ field, newValue, originalValue }) => {
    const value = (text: string | null) =>
      (field === "status" ? toStatusId(owner, text) : text) ?? "";
    const values = {
      new_value: value(newValue),
      old_value: value(originalValue),
    };
    return { field, ...values, type: "standard" };
  });
}

function toLink(data: SpaceData, commentId: number) {
  return data.issues.flatMap(({ id, keyId, summary }) => {
    const comment = data.comments.get(id)?.find((c) => c.id === commentId);
    if (!comment) return [];
    return [{ id, key_id: keyId, title: summary, ...toSaid(comment) }];
  });
}
