import { type DescFile, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/** Which file describes what: symbols by full name, extensions by the message they extend. Made when first asked. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  /** @param files - With what they import, which is found through them. */
  constructor(files: readonly DescFile[]) {
    for (const file of files) this.#addFile(file);
  }

  fileByName(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a message, field, enum, service, method or extension. */
  fileBySymbol(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  fileByExtension(extendee: string, number: number): DescFile | undefined {
    return this.#extensions.get(extendee)?.get(number);
  }

  /** The numbers of a message's extensions, rising; undefined for a message that is not known. */
  extensionNumbers(extendee: string): number[] | undefined {
    const numbers = this.#extensions.get(extendee);
    if (numbers !== undefined) return [...numbers.keys()].sort((left, right) => left - right);
    return this.#symbols.has(extendee) ? [] : undefined;
  }

  /** The serialized `FileDescriptorProto` of the file and of all it imports, the file first. */
  bytesWithImports(file: DescFile): Uint8Array[] {
    const seen = new Set<string>();
    const found: Uint8Array[] = [];
    const visit = (each: DescFile): void => {
      if (seen.has(each.proto.name)) return;
      seen.add(each.proto.name);
      found.push(this.#bytesOf(each));
      for (const dependency of each.dependencies) visit(dependency);
    };
    visit(file);
    return found;
  }

  #bytesOf(file: DescFile): Uint8Array {
    const known = this.#bytes.get(file.proto.name);
    if (known !== undefined) return known;
    const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    this.#bytes.set(file.proto.name, bytes);
    return bytes;
  }

  #addFile(file: DescFile): void {
    const { proto } = file;
    if (this.#files.has(proto.name)) return;
    this.#files.set(proto.name, file);
    for (const each of file.dependencies) this.#addFile(each);
    const scope = proto.package === "" ? "" : `${proto.package}.`;
    for (const message of proto.messageType) this.#addMessage(file, scope, message);
    for (const each of proto.enumType) this.#addEnum(file, scope, each);
    for (const each of proto.extension) this.#addExtension(file, scope, each);
    for (const service of proto.service) {
      this.#symbols.set(`${scope}${service.name}`, file);
      for (const method of service.method) this.#symbols.set(`${scope}${service.name}.${method.name}`, file);
    }
  }

  #addMessage(file: DescFile, scope: string, message: DescriptorProto): void {
    const name = `${scope}${message.name}`;
    const inner = `${name}.`;
    this.#symbols.set(name, file);
    for (const each of message.field) this.#symbols.set(`${inner}${each.name}`, file);
    for (const each of message.oneofDecl) this.#symbols.set(`${inner}${each.name}`, file);
    for (const each of message.nestedType) this.#addMessage(file, inner, each);
    for (const each of message.enumType) this.#addEnum(file, inner, each);
    for (const each of message.extension) this.#addExtension(file, inner, each);
  }

  /** The values of an enum are named in the scope around it. */
  #addEnum(file: DescFile, scope: string, each: EnumDescriptorProto): void {
    this.#symbols.set(`${scope}${each.name}`, file);
    for (const value of each.value) this.#symbols.set(`${scope}${value.name}`, file);
  }

  #addExtension(file: DescFile, scope: string, each: FieldDescriptorProto): void {
    this.#symbols.set(`${scope}${each.name}`, file);
    const extendee = each.extendee.replace(/^\./, "");
    const numbers = this.#extensions.get(extendee) ?? new Map<number, DescFile>();
    this.#extensions.set(extendee, numbers.set(each.number, file));
  }
}
