using System.Buffers.Binary;
using System.Text;

namespace Lora.Text;

/// <summary>
/// Reads a protobuf message field by field (protobuf.dev, "Encoding"). Strict: what leads out of the message, a group, and text that is no UTF-8 are errors.
/// </summary>
/// <param name="message">The message.</param>
/// <param name="file">The file that it is of.</param>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message, string file)
{
    private const int MostVarintBytes = 10; // 64 bits, seven in a byte
    private const int KindBits = 3;

    private ReadOnlySpan<byte> rest = message;
    private int kind;

    /// <summary>How a field is written.</summary>
    private enum Kind
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    /// <summary>The number of the field whose value is read or skipped next.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field; false at the end.</summary>
    public bool MoveNext()
    {
        if (rest.IsEmpty)
        {
            return false;
        }

        ulong tag = Varint();
        kind = (int)(tag & ((1 << KindBits) - 1));
        Field = tag >> KindBits is > 0 and <= int.MaxValue and ulong number ? (int)number : throw Invalid($"a field has the number {tag >> KindBits}");
        return true;
    }

    /// <summary>A whole number or a flag.</summary>
    public long Integer()
    {
        Expect(Kind.Varint);
        return (long)Varint();
    }

    public float Float()
    {
        Expect(Kind.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    /// <summary>Bytes, or a message in this one.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Expect(Kind.Bytes);
        return Take(Varint());
    }

    public string Text()
    {
        ReadOnlySpan<byte> bytes = Bytes();
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Invalid($"the text of field {Field} is not UTF-8");
    }

    /// <summary>Passes over the value of a field that is not wanted.</summary>
    public void Skip()
    {
        switch ((Kind)kind)
        {
            case Kind.Varint:
                Varint();
                break;
            case Kind.Fixed64:
                Take(sizeof(long));
                break;
            case Kind.Bytes:
                Take(Varint());
                break;
            case Kind.Fixed32:
                Take(sizeof(int));
                break;
            default:
                throw Invalid($"field {Field} is written in the unknown way {kind}");
        }
    }

    private readonly void Expect(Kind expected)
    {
        if (kind != (int)expected)
        {
            throw Invalid($"field {Field} is written in the way {kind}; expected is {(int)expected}");
        }
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int index = 0; index < MostVarintBytes && index < rest.Length; index++)
        {
            value |= (ulong)(rest[index] & 0x7F) << (7 * index);
            if (rest[index] < 0x80)
            {
                rest = rest[(index + 1)..];
                return value;
            }
        }

        throw Invalid("a number does not end");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        // Before it is made an int: a damaged file may state any length.
        if (count > (ulong)rest.Length)
        {
            throw Invalid($"field {Field} has {count} bytes, and {rest.Length} are left");
        }

        ReadOnlySpan<byte> taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }

    private readonly LoraException Invalid(string reason) => LoraException.Of(LoraError.TokenizerInvalid, file, file, reason);
}
