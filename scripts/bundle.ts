import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "./archive.ts";
import { run, startFolder } from "./build.ts";
import { toBundleManifest } from "./doors.ts";
import { programName, type Target } from "./targets.ts";

const MCPB = join(
  import.meta.dir,
  "../node_modules/@anthropic-ai/mcpb/dist/cli/cli.js",
);

/** The files of a bundle: its manifest and the program. */
export async function toBundle(
  target: Target,
  { content, repository }: { content: Uint8Array; repository: string },
): Promise<Entry[]> {
  const bundle = toBundleManifest(target, repository);
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  await assertManifest(text);
  return [
    { name: "manifest.json", content: Buffer.from(text) },
    { name: `server/${programName(target)}`, content, executable: true },
  ];
}

/** Throws with what `mcpb validate` says of a manifest that it refuses. */
export async function assertManifest(text: string): Promise<void> {
  await using folder = await startFolder();
  const file = join(folder.path, "manifest.json");
  await writeFile(file, text);
  await mcpb("validate", file);
}

/** Runs mcpb's own command line; throws with its words when it refuses. */
export function mcpb(...args: string[]): Promise<string> {
  return run([process.execPath, MCPB, ...args]);
}
