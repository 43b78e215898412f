import { chmod, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { getMcpConfigForManifest, v0_3 } from "@anthropic-ai/mcpb";
import { unpack } from "./archive.ts";
import { startFolder } from "./build.ts";
import { mcpb } from "./bundle.ts";
import { callBoth, converse, type Space } from "./conversation.ts";
import { hostTarget, programName } from "./targets.ts";

/**
 * Unpacks an archive or a bundle into a folder with a space in its name, starts
 * what is in it as a client would, and calls both tools against `space`.
 */
export async function smoke(file: string, space: Space): Promise<void> {
  await using folder = await startFolder();
  await (file.endsWith(".mcpb") ? smokeBundle : smokeArchive)(
    resolve(file),
    folder.path,
    space,
  );
}

async function smokeArchive(
  file: string,
  folder: string,
  space: Space,
): Promise<void> {
  await unpack(file, folder);
  for (const document of ["README.md", "LICENSE"]) {
    await stat(join(folder, document));
  }
  const program = join(folder, programName(hostTarget()));
  await converse({ command: [program], program, folder }, space);
}

async function smokeBundle(
  file: string,
  folder: string,
  { host, apiKey }: Space,
): Promise<void> {
  await mcpb("unpack", file, folder);
  const config = await getMcpConfigForManifest({
    manifest: v0_3.McpbManifestSchema.parse(
      await Bun.file(join(folder, "manifest.json")).json(),
    ),
    extensionPath: folder,
    systemDirs: {},
    // No more: a host leaves the variable of an empty field as it stands.
    userConfig: { api_key: apiKey, domain: host },
    pathSeparator: sep,
  });
  if (!config) throw new Error(`${file} does not say how it is started.`);
  const { command: program, args = [], env = {} } = config;
  await callBoth({ command: [program, ...args], program, folder }, env);
}

/** Throws unless the program is this version and speaks MCP unconfigured. */
export async function assertAnswers(program: string): Promise<void> {
  // Whatever carried the programs here may have dropped the permission.
  await chmod(program, 0o755);
  await using folder = await startFolder();
  await converse({ command: [program], program, folder: folder.path });
}
