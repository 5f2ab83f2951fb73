using System.Text;
using System.Text.Json;

namespace Lora.Tools.Fuzzer;

/// <summary>Damage to a JSON text that mostly leaves it JSON: values in the place of others, keys doubled, renamed or taken away, depth.</summary>
internal sealed class JsonDamage
{
    private const int MostPlaces = 3;
    private const int MostCopied = 4096; // a value may hold the whole file
    private readonly byte[] whole;
    private readonly List<Part> values = [];
    private readonly List<Part> fields = [];
    private readonly List<Part> names = [];

    /// <summary>Finds the values and fields of an undamaged text.</summary>
    public JsonDamage(byte[] whole)
    {
        this.whole = whole;
        Utf8JsonReader reader = new(whole);
        Stack<int> begun = new();
        Stack<int> fieldBegun = new();
        while (reader.Read())
        {
            int start = (int)reader.TokenStartIndex;
            int end = (int)reader.BytesConsumed;
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    end = start + reader.ValueSpan.Length + 2; // with its quotes; the reader has consumed the colon
                    names.Add(new(start, end));
                    fieldBegun.Push(start);
                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    begun.Push(start);
                    fieldBegun.Push(-1);
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    fieldBegun.Pop();
                    EndValue(begun.Pop(), end, fieldBegun);
                    break;
                default:
                    EndValue(start, end, fieldBegun);
                    break;
            }
        }
    }

    private readonly record struct Part(int Start, int End);

    /// <summary>Damages the text at one to three places.</summary>
    public byte[] Apply(Random random)
    {
        // From the end to the beginning, so that places stay where they were.
        byte[] bytes = whole;
        int limit = int.MaxValue;
        for (int places = random.Next(1, MostPlaces + 1); places > 0; places--)
        {
            (Part part, byte[] content) = Once(random);
            if (part.End <= limit)
            {
                bytes = [.. bytes[..part.Start], .. content, .. bytes[part.End..]];
                limit = part.Start;
            }
        }

        return bytes;
    }

    private (Part Part, byte[] Content) Once(Random random)
    {
        Part value = Any(values, random);
        Part field = fields.Count > 0 ? Any(fields, random) : value;
        byte[] hostile = Encoding.UTF8.GetBytes(HostileValues.Json[random.Next(HostileValues.Json.Count)]);
        return random.Next(9) switch
        {
            0 => (field, []), // and a comma too many
            1 => (Before(field), []),
            2 => (field, [.. Text(field), (byte)',', .. Text(field)]),
            3 when names.Count > 0 => (Any(names, random), Text(Any(names, random))),
            4 when names.Count > 0 => (Any(names, random), hostile),
            5 => (value, Text(Any(values, random))),
            6 => (value, Deeper(Text(value), random.Next(1, 80))),
            _ => (value, hostile),
        };
    }

    /// <summary>With the comma before it.</summary>
    private Part Before(Part field)
    {
        int start = field.Start;
        while (start > 0 && whole[start - 1] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            start--;
        }

        return start > 0 && whole[start - 1] == ',' ? new(start - 1, field.End) : field;
    }

    private static byte[] Deeper(byte[] text, int depth) =>
        [.. Enumerable.Repeat((byte)'[', depth), .. text, .. Enumerable.Repeat((byte)']', depth)];

    private byte[] Text(Part part) => whole[part.Start..Math.Min(part.End, part.Start + MostCopied)];

    private static Part Any(List<Part> parts, Random random) => parts[random.Next(parts.Count)];

    private void EndValue(int start, int end, Stack<int> fieldBegun)
    {
        values.Add(new(start, end));
        if (fieldBegun.TryPeek(out int field) && field >= 0)
        {
            fields.Add(new(fieldBegun.Pop(), end));
        }
    }
}
