using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Tools.Fuzzer;

/// <summary>Damage to a safetensors file: to its bytes, to the JSON of its header, or a right header that speaks of other tensors.</summary>
internal sealed class SafetensorsDamage
{
    private const int LengthSize = sizeof(long);
    private const int MostPlaces = 3;
    private const long MostBytes = 1 << 16; // of a tensor that is made up
    private static readonly long[] Dimensions = [0, 1, 1, 2, 3, 4, 8, 16, 64, 512, 5056, int.MaxValue, 1L << 32, long.MaxValue];
    private static readonly TensorDataType[] Types = Enum.GetValues<TensorDataType>();

    private readonly byte[] whole;
    private readonly int headerEnd;
    private readonly JsonDamage header;
    private readonly IReadOnlyList<TensorData> tensors;
    private readonly JsonDamage metadata;

    /// <summary>Reads an undamaged file.</summary>
    public SafetensorsDamage(string path)
    {
        whole = File.ReadAllBytes(path);
        headerEnd = LengthSize + (int)BinaryPrimitives.ReadInt64LittleEndian(whole);
        header = new(whole[LengthSize..headerEnd]);
        tensors = SafetensorsFile.ReadAll(path);
        metadata = new(JsonSerializer.SerializeToUtf8Bytes(SafetensorsHeader.Read(path).Metadata));
    }

    /// <summary>The file, damaged.</summary>
    public byte[] Apply(Random random) => random.Next(8) switch
    {
        0 or 1 => ByteDamage.Apply(whole, random, headerEnd),
        2 => ByteDamage.Apply(whole, random),
        3 or 4 => WithLength(header.Apply(random), whole.AsSpan(headerEnd..)),
        5 => Others(random, damagesMetadata: true),
        _ => Others(random, damagesMetadata: false),
    };

    private static byte[] WithLength(byte[] header, ReadOnlySpan<byte> data)
    {
        byte[] length = new byte[LengthSize];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    /// <summary>A file that is right by itself, with some tensors of another name, dtype, shape or content, some left out and some doubled.</summary>
    private byte[] Others(Random random, bool damagesMetadata)
    {
        List<TensorData> others = [.. tensors];
        for (int places = random.Next(damagesMetadata ? 0 : 1, MostPlaces + 1); places > 0 && others.Count > 0; places--)
        {
            int at = random.Next(others.Count);
            switch (random.Next(8))
            {
                case 0:
                    others.RemoveAt(at);
                    break;
                case 1:
                    others.Insert(random.Next(others.Count + 1), others[at]);
                    break;
                case 2:
                    others[at] = others[at] with { Name = Name(others[at].Name, random) };
                    break;
                case 3:
                    others[at] = others[at] with { Bytes = Content(others[at].ByteCount, random) };
                    break;
                case 4:
                    others[at] = Made(others[at].Name, others[at].DataType, [.. others[at].Shape.Reverse()], random);
                    break;
                case 5:
                    others[at] = Made(others[at].Name, Types[random.Next(Types.Length)], others[at].Shape, random);
                    break;
                default:
                    others[at] = Made(others[at].Name, random.Next(2) == 0 ? others[at].DataType : Types[random.Next(Types.Length)], Shape(random), random);
                    break;
            }
        }

        return Written(others, random.Next(6) == 0, damagesMetadata ? metadata.Apply(random) : null);
    }

    private string Name(string name, Random random) => random.Next(7) switch
    {
        0 => "",
        1 => name.Replace("base_model.model.", "", StringComparison.Ordinal),
        2 => name.Replace(".weight", ".default.weight", StringComparison.Ordinal),
        3 => name[random.Next(name.Length)..],
        4 => new string('x', random.Next(1, 5000)),
        5 => name + "\u001b[2J" + name,
        _ => tensors[random.Next(tensors.Count)].Name.Replace("_A", "_B", StringComparison.Ordinal),
    };

    private static long[] Shape(Random random) => [.. Enumerable.Range(0, random.Next(5)).Select(_ => Dimensions[random.Next(Dimensions.Length)])];

    /// <summary>A tensor with as many bytes as its shape says; one that would be large has none and so is damaged.</summary>
    private static TensorData Made(string name, TensorDataType type, long[] shape, Random random)
    {
        long size = type.ByteSize(shape) ?? 0;
        return new(name, type, shape, size <= MostBytes ? Content((int)size, random) : Array.Empty<byte>());
    }

    private static byte[] Content(int size, Random random)
    {
        byte[] bytes = new byte[size];
        switch (random.Next(4))
        {
            case 0:
                bytes.AsSpan().Fill(0xFF); // NaN in every format that has one
                break;
            case 1:
                bytes.AsSpan().Fill(0x7F);
                break;
            case 2:
                random.NextBytes(bytes);
                break;
        }

        return bytes;
    }

    private static byte[] Written(List<TensorData> tensors, bool hasGap, byte[]? metadata)
    {
        using MemoryStream data = new();
        StringBuilder json = new(metadata is null ? "{" : "{\"__metadata__\":" + Encoding.UTF8.GetString(metadata) + (tensors.Count > 0 ? "," : ""));
        string separator = "";
        foreach (TensorData tensor in tensors)
        {
            long begin = data.Length + (hasGap ? 1 : 0);
            data.Write(tensor.Bytes.Span);
            json.Append(separator).Append(JsonSerializer.Serialize(tensor.Name)).Append(":{\"dtype\":\"").Append(tensor.DataType.ToName()).Append("\",\"shape\":[")
                .AppendJoin(',', tensor.Shape).Append("],\"data_offsets\":[").AppendJoin(',', begin, data.Length).Append("]}");
            separator = ",";
        }

        return WithLength(Encoding.UTF8.GetBytes(json.Append('}').ToString()), data.ToArray());
    }
}
