/**
 * Files and folders below one folder, as a disk holds them.
 *
 * Invariants: a folder's names are certain only once a sync of that folder, begun after the change of the name,
 * has ended; syncing a file makes its bytes certain and not its name. A change of a name that is not certain is
 * there or not by chance, each for itself; what lies in a folder whose name is not there is not there.
 *
 * Stricter than ext4 and XFS with their defaults, which write a new file's name with its first sync.
 */
import { basename, dirname } from "node:path";
import type { Random } from "../simulation/random.ts";
import { StableFile } from "./stable_file.ts";

type Node = StableFile | Folder;

/** Names that now stand for these, at once; null: for nothing. */
interface NameChange {
  readonly names: ReadonlyMap<string, Node | null>;
  ended: boolean;
}

class Folder {
  readonly certain = new Map<string, Node>();
  readonly current = new Map<string, Node>();
  changes: NameChange[] = [];

  change(change: NameChange): void {
    this.changes.push(change);
    put(this.current, change);
  }

  sync(): () => void {
    const covered = this.changes.filter(({ ended }) => ended);
    return () => {
      for (const change of covered) put(this.certain, change);
      this.changes = this.changes.filter((change) => !covered.includes(change));
    };
  }

  image(random: Random): Map<string, Node> {
    const names = new Map(this.certain);
    const likely = random.pick([0, 1 / 2, 1]);
    for (const change of this.changes) {
      if (random.chance(likely)) put(names, change);
    }
    return names;
  }
}

function put(to: Map<string, Node>, { names }: NameChange): void {
  for (const [name, node] of names) {
    if (node === null) to.delete(name);
    else to.set(name, node);
  }
}

/** Paths of files with their bytes, and of folders with null; folders before what they hold. */
export type Image = ReadonlyMap<string, Uint8Array | null>;

const nothing = () => {};

export class Disk {
  readonly #root: string;
  readonly #top = new Folder();

  /** @param root exists for certain, and is empty */
  constructor(root: string) {
    this.#root = root;
  }

  /** Whether the path is below the root. */
  holds(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`);
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** Each of these returns what is to be called when the call has ended. */
  createFile(path: string): () => void {
    return this.#name(path, [basename(path), new StableFile()]);
  }

  createFolder(path: string): () => void {
    return this.#name(path, [basename(path), new Folder()]);
  }

  remove(path: string): () => void {
    return this.#name(path, [basename(path), null]);
  }

  /** Within a folder, and as one: both names have changed, or none. */
  rename(from: string, to: string): () => void {
    const node = this.#find(from);
    if (node === undefined || dirname(from) !== dirname(to)) {
      throw new Error(`Cannot replay: ${from} renamed to ${to}`);
    }
    return this.#name(to, [basename(from), null], [basename(to), node]);
  }

  /** Of a file, as the running system sees it. */
  size(path: string): number {
    const file = this.#find(path);
    return file instanceof StableFile ? file.size : 0;
  }

  write(path: string, offset: number, data: Uint8Array): () => void {
    const change = { kind: "write", offset, data, ended: false } as const;
    return this.#change(path, change);
  }

  resize(path: string, size: number): () => void {
    return this.#change(path, { kind: "resize", size, ended: false });
  }

  /** What it returns may only be called when the sync has ended well. */
  sync(path: string): () => void {
    return this.#find(path)?.sync() ?? nothing;
  }

  /** As the running system sees it. */
  current(): Image {
    return this.#walk((folder) => folder.current, (file) => file.current());
  }

  /** After a loss of power at this moment. */
  image(random: Random): Image {
    return this.#walk(
      (folder) => folder.image(random),
      (file) => file.image(random),
    );
  }

  #name(path: string, ...names: [string, Node | null][]): () => void {
    const folder = this.#find(dirname(path));
    if (!(folder instanceof Folder)) {
      throw new Error(`Cannot replay: no folder for ${path}`);
    }
    const change = { names: new Map(names), ended: false };
    folder.change(change);
    return () => {
      change.ended = true;
    };
  }

  #change(
    path: string,
    change: Parameters<StableFile["change"]>[0],
  ): () => void {
    const file = this.#find(path);
    if (!(file instanceof StableFile)) {
      throw new Error(`Cannot replay: no file ${path}`);
    }
    file.change(change);
    return () => {
      change.ended = true;
    };
  }

  #find(path: string): Node | undefined {
    if (!this.holds(path)) return undefined;
    let node: Node | undefined = this.#top;
    for (const name of path.slice(this.#root.length).split("/")) {
      if (name === "") continue;
      node = node instanceof Folder ? node.current.get(name) : undefined;
    }
    return node;
  }

  #walk(
    names: (folder: Folder) => ReadonlyMap<string, Node>,
    bytes: (file: StableFile) => Uint8Array,
  ): Image {
    const image = new Map<string, Uint8Array | null>();
    const enter = (folder: Folder, path: string) => {
      for (const [name, node] of names(folder)) {
        const below = `${path}${name}`;
        if (node instanceof Folder) {
          image.set(below, null);
          enter(node, `${below}/`);
        } else image.set(below, bytes(node));
      }
    };
    enter(this.#top, "");
    return image;
  }
}
