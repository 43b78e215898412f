import type { Comment, Issue, ProjectData, SpaceData, User } from "./shapes.ts";

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
type Event = Pick<Activity, "type" | "content" | "createdUser" | "created">;

/** What happened to issues, oldest first: 1 created, 2 updated, 3 said, 14 in bulk. */
export function toActivities(data: SpaceData): Activity[] {
  const owners = new Map(
    data.projects.map((owner) => [owner.project.id, owner]),
  );
  return data.issues
    .flatMap((issue) => {
      const owner = owners.get(issue.projectId);
      if (!owner) return [];
      const { project } = owner;
      return toEvents(data, issue, owner).map((event) => ({
        project,
        ...event,
      }));
    })
    .sort((a, b) => (a.created < b.created ? -1 : 1))
    .map((event, index) => ({
      id: 3_100_000 + index * 3,
      notifications: [],
      ...event,
    }));
}

function toEvents(data: SpaceData, issue: Issue, owner: ProjectData): Event[] {
  const { id, keyId, summary, description, created, createdUser } = issue;
  const facts = { id, key_id: keyId, summary, description };
  const comments = data.comments.get(id) ?? [];
  return [
    { type: 1, content: facts, createdUser, created },
    ...comments.flatMap((comment): Event[] => {
      const bulk = data.bulkUpdates.find((ids) => ids.includes(comment.id));
      const { createdUser, created } = comment;
      const said = { id: comment.id, content: comment.content };
      const changes = toChanges(comment, owner);
      if (!bulk) {
        const type = comment.content ? 3 : 2;
        const content = { ...facts, comment: said, changes, attachments: [] };
        return [{ type, content, createdUser, created }];
      }
      // One entry for all of them, told with the first.
      if (bulk[0] !== comment.id) return [];
      const link = bulk.flatMap((one) => toLink(data, one));
      const content = { tx_id: comment.id, comment: said, changes, link };
      return [{ type: 14, content, createdUser, created }];
    }),
  ];
}

/** As an activity has them: a status by its ID. */
function toChanges({ changeLog }: Comment, { statuses }: ProjectData) {
  return (changeLog ?? []).map(({ field, newValue, originalValue }) => {
    const value = (text: string | null) => {
      const status = statuses.find(({ name }) => name === text);
      return field === "status" && status ? `${status.id}` : (text ?? "");
    };
    return {
      field,
      new_value: value(newValue),
      old_value: value(originalValue),
      type: "standard",
    };
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
