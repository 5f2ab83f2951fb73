using System.Buffers.Binary;
using System.Text;

namespace Lora.Tests.Checkpoints;

/// <summary>Makes safetensors files from the text of their header, right or wrong.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Make(string header, int dataLength) => Make(Encoding.UTF8.GetBytes(header), dataLength);

    public static byte[] Make(ReadOnlySpan<byte> header, int dataLength)
    {
        byte[] file = new byte[sizeof(ulong) + header.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file.AsSpan(sizeof(ulong)));
        return file;
    }

    /// <summary>A file of F32 vectors of two values each, with these names.</summary>
    public static byte[] OfVectors(params string[] names)
    {
        IEnumerable<string> entries = names.Select((name, index) =>
            $$"""  "{{name}}": {"dtype":"F32","shape":[2],"data_offsets":[{{8 * index}},{{8 * (index + 1)}}]}""");
        return Make("{" + string.Join(",", entries) + "}", 8 * names.Length);
    }
}
