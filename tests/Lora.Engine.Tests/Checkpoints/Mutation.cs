using System.Text;
using CsCheck;

namespace Lora.Tests.Checkpoints;

/// <summary>One random damage to a file's bytes, of the kinds that parsers trip over.</summary>
internal sealed record Mutation(int Kind, double Position, int Length, string Token)
{
    private static readonly string[] Tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\ud800", "\0", "null", "-1", "1e3", "9223372036854775807", "18446744073709551616", "\"a\":",
        "\"__metadata__\":", "\"dtype\":\"F4\"", "\"shape\":[0]", "\"data_offsets\":[0,0]", "F64", "..", "/", "C:", ".bin", "weight_map", "\uFEFF",
    ];

    public static Gen<Mutation[]> Several { get; } = Gen.Select(
        Gen.Int[0, 4], Gen.Double[0, 1], Gen.Int[1, 40], Gen.OneOf(Tokens), (kind, position, length, token) => new Mutation(kind, position, length, token)).Array[1, 4];

    /// <summary>The damaged bytes: a token put in or over, a stretch taken out or doubled, or the end cut off.</summary>
    public byte[] Apply(byte[] bytes)
    {
        int at = (int)(Position * bytes.Length);
        int length = Math.Min(Length, bytes.Length - at);
        byte[] token = Encoding.UTF8.GetBytes(Token);
        return Kind switch
        {
            0 => [.. bytes[..at], .. token, .. bytes[at..]],
            1 => [.. bytes[..at], .. token, .. bytes[(at + Math.Min(token.Length, bytes.Length - at))..]],
            2 => [.. bytes[..at], .. bytes[(at + length)..]],
            3 => [.. bytes[..(at + length)], .. bytes[at..]],
            _ => bytes[..at],
        };
    }
}
