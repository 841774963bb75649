/**
 * Descriptions of the few protocol files that this package serves itself, so that reflection can show them. Only what they
 * need can be said.
 */
import { create, createFileRegistry, type DescFile, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;
export type MessageInit = MessageInitShape<typeof DescriptorProtoSchema>;
export type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>;

const SCALARS = {
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  int32: FieldDescriptorProto_Type.INT32,
} as const;

/**
 * One field.
 * @param type - A scalar, or the full name of a message with a leading dot; `repeated` before it where it is.
 * @param oneofIndex - Which oneof of its message it is part of.
 */
export function field(number: number, name: string, type: string, oneofIndex?: number): FieldInit {
  const isRepeated = type.startsWith("repeated ");
  const typeName = isRepeated ? type.slice("repeated ".length) : type;
  const scalar = typeName in SCALARS ? SCALARS[typeName as keyof typeof SCALARS] : undefined;
  return {
    name,
    number,
    label: isRepeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    jsonName: name.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase()),
    ...(scalar === undefined ? { type: FieldDescriptorProto_Type.MESSAGE, typeName } : { type: scalar }),
    ...(oneofIndex === undefined ? {} : { oneofIndex }),
  };
}

/** A field whose type is an enum, by its full name with a leading dot. */
export function enumField(number: number, name: string, typeName: string): FieldInit {
  return { ...field(number, name, typeName), type: FieldDescriptorProto_Type.ENUM };
}

/** The described file; it imports nothing. */
export function describeFile(file: FileInit): DescFile {
  const proto = create(FileDescriptorProtoSchema, { ...file, syntax: "proto3" });
  const described = createFileRegistry(proto, () => undefined).getFile(proto.name);
  if (described === undefined) throw new Error(`${proto.name} does not describe itself`);
  return described;
}
