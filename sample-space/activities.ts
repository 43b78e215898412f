import {
  type Comment,
  found,
  type Issue,
  type ProjectData,
  type SpaceData,
  toStatusId,
  type User,
} from "./shapes.ts";

/** One entry of what happened, as a user's or a project's activities have it. */
export type Activity = {
  id: number;
  project: ProjectData["project"];
  type: number;
  content: unknown;
  notifications: never[];
  createdUser: User;
  created: string;
};
type Event = Omit<Activity, "id" | "notifications">;

/** What happened to issues, oldest first: 1 created, 2 updated, 3 said, 14 in bulk. */
export function toActivities(data: SpaceData): Activity[] {
  return data.issues
    .flatMap((issue) => toEvents(data, issue))
    .sort((a, b) => (a.created < b.created ? -1 : 1))
    .map((event, index) => {
      return { id: 3_100_000 + index * 3, notifications: [], ...event };
    });
}

function toEvents(data: SpaceData, issue: Issue): Event[] {
  const { id, keyId, summary, description, created, createdUser } = issue;
  const { projectId } = issue;
  const owner = found(
    data.projects,
    ({ project }) => project.id === projectId,
    projectId,
  );
  const { project } = owner;
  const facts = { id, key_id: keyId, summary, description };
  const comments = data.comments.get(id) ?? [];
  return [
    { project, type: 1, content: facts, createdUser, created },
    ...comments.flatMap((comment): Event[] => {
      const bulk = data.bulkUpdates.find((ids) => ids.includes(comment.id));
      const { createdUser, created } = comment;
      const by = { project, createdUser, created };
      const said = { id: comment.id, content: comment.content };
      const changes = toChanges(comment, owner);
      if (!bulk) {
        const type = comment.content ? 3 : 2;
        const content = { ...facts, comment: said, changes, attachments: [] };
        return [{ ...by, type, content }];
      }
      // One entry for all of them, told with the first.
      if (bulk[0] !== comment.id) return [];
      const link = bulk.flatMap((one) => toLink(data, one));
      const content = { tx_id: comment.id, comment: said, changes, link };
      return [{ ...by, type: 14, content }];
    }),
  ];
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
    const said = { id: commentId, content: comment.content };
    return [{ id, key_id: keyId, title: summary, comment: said }];
  });
}
