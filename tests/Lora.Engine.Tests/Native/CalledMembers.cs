using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Lora.Tests.Native;

/// <summary>The members of other assemblies that an assembly's methods call, read from its code.</summary>
internal static class CalledMembers
{
    private const byte Call = 0x28;
    private const byte CallVirtual = 0x6F;
    private const byte NewObject = 0x73;

    /// <summary>Each call as its method and what that calls: <c>Type.Method</c> and <c>Type.Member(parameters)</c>.</summary>
    public static IEnumerable<(string Caller, string Called)> Of(Assembly assembly)
    {
        using FileStream file = File.OpenRead(assembly.Location);
        using PEReader image = new(file);
        MetadataReader metadata = image.GetMetadataReader();
        TypeNames names = new();
        Dictionary<int, string> members = metadata.MemberReferences
            .Where(handle => metadata.GetMemberReference(handle).GetKind() == MemberReferenceKind.Method)
            .ToDictionary(handle => MetadataTokens.GetToken(handle), handle => Name(metadata, handle, names));
        List<(string, string)> calls = [];
        foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
        {
            MethodDefinition method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress != 0)
            {
                string caller = $"{names.GetTypeFromDefinition(metadata, method.GetDeclaringType(), 0)}.{metadata.GetString(method.Name)}";
                byte[] code = image.GetMethodBody(method.RelativeVirtualAddress).GetILBytes() ?? [];
                calls.AddRange(Tokens(code).Where(members.ContainsKey).Select(token => (caller, members[token])));
            }
        }

        return calls;
    }

    /// <summary>What follows each byte that may be a call; what is none is hardly ever a member's token.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (int at = 0; at + sizeof(int) < code.Length; at++)
        {
            if (code[at] is Call or CallVirtual or NewObject)
            {
                yield return BitConverter.ToInt32(code, at + 1);
            }
        }
    }

    private static string Name(MetadataReader metadata, MemberReferenceHandle handle, TypeNames names)
    {
        MemberReference member = metadata.GetMemberReference(handle);
        string type = member.Parent.Kind switch
        {
            HandleKind.TypeReference => names.GetTypeFromReference(metadata, (TypeReferenceHandle)member.Parent, 0),
            HandleKind.TypeSpecification => metadata.GetTypeSpecification((TypeSpecificationHandle)member.Parent).DecodeSignature(names, null),
            _ => "",
        };
        MethodSignature<string> signature = member.DecodeMethodSignature(names, null);
        return $"{type}.{metadata.GetString(member.Name)}({string.Join(", ", signature.ParameterTypes)})";
    }

    private sealed class TypeNames : ISignatureTypeProvider<string, object?>
    {
        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            TypeDefinitionHandle outer = type.GetDeclaringType();
            return outer.IsNil ? reader.GetString(type.Name) : $"{GetTypeFromDefinition(reader, outer, rawTypeKind)}.{reader.GetString(type.Name)}";
        }

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => reader.GetString(reader.GetTypeReference(handle).Name);

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetPinnedType(string elementType) => elementType;

        public string GetGenericInstantiation(string genericType, System.Collections.Immutable.ImmutableArray<string> typeArguments) =>
            $"{genericType}<{string.Join(", ", typeArguments)}>";

        public string GetGenericMethodParameter(object? genericContext, int index) => $"!!{index}";

        public string GetGenericTypeParameter(object? genericContext, int index) => $"!{index}";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "function";

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;
    }
}
