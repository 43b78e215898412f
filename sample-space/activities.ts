import { type Comment, find, type SpaceData } from "./space.ts";

/** What happened to issues, oldest first: 1 created, 2 updated, 3 said, 14 in bulk. */
export function toActivities(data: SpaceData) {
  return data.issues
    .flatMap(({ id, keyId, summary, description, ...issue }) => {
      const owner = find(data.projects, { project: { id: issue.projectId } });
      const facts = { id, key_id: keyId, summary, description };
      const toEvent = (
        type: number,
        content: object,
        { createdUser, created }: Pick<Comment, "createdUser" | "created">,
      ) => ({ project: owner.project, type, content, createdUser, created });
      const comments = data.comments.get(id) ?? [];
      return [
        toEvent(1, facts, issue),
        ...comments.flatMap((comment) => {
          const { id, content } = comment;
          const said = { comment: { id, content }, changes: [] };
          const bulk = data.bulkUpdates.find((all) => all.includes(comment));
          if (!bulk) {
            const type = content ? 3 : 2;
            return toEvent(
              type,
              { ...facts, ...said, attachments: [] },
              comment,
            );
          }
          // One entry for all of them, told with the first.
          if (bulk[0] !== comment) return [];
          const link = bulk.map(({ issueId: id }) => ({ id }));
          return toEvent(14, { tx_id: comment.id, ...said, link }, comment);
        }),
      ];
    })
    .sort((a, b) => (a.created < b.created ? -1 : 1))
    .map((event, index) => {
      return { id: 3_100_000 + index * 3, notifications: [], ...event };
    });
}
