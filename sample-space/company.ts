import company from "./company.yaml";
import type { Layout, Named, SpaceData, toUser } from "./shapes.ts";

type Names = Record<"statuses" | "priorities" | "resolutions", string[]>;
export type Facts = {
  key: string;
  type: string;
  status?: number | string;
  priority?: number;
  resolution?: number;
  assignee?: string;
  by?: string;
  parent?: string;
  category?: string;
  version?: string;
  milestone?: string;
  hours?: [estimated: number, actual: number];
  start?: string;
  due?: string;
  created: string;
  updated: string;
};
export type IssueText = { title: string; text?: string };
export type ChangeFacts = {
  field: string;
  from?: string | number;
  to?: string | number;
  file?: number;
  /** The type of the custom field changed. */
  custom?: number;
  told?: string;
};
export type Remark = { text?: string; changes?: ChangeFacts[] | null };
export type Field = {
  type: number;
  name: string;
  value: string | number | number[];
  items?: string[];
  other?: string;
};
type Company = {
  space: SpaceData["space"];
  users: Parameters<typeof toUser>[0][];
  english: Names;
  japanese: Names;
  projects: Layout[];
  fields: Field[];
  files: (Named & { on: string; size: number; by: string })[];
  related: Record<string, string[]>;
  comments: (Remark &
    Record<"on" | "by" | "at", string> & { starred?: true })[];
  thread: Record<number, Remark>;
  remarks: string[];
  issues: (IssueText & { is: Facts })[];
};

/** What company.yaml has. */
export const COMPANY: Company = company;
