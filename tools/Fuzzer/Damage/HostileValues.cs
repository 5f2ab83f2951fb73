namespace Lora.Tools.Fuzzer;

/// <summary>What parsers trip over: ends of ranges, halves of characters, things in the place of others.</summary>
internal static class HostileValues
{
    private const int Deep = 20_000;
    private const int Long = 100_000;

    /// <summary>Values in JSON, or what is nearly one.</summary>
    public static IReadOnlyList<string> Json { get; } =
    [
        "null", "true", "false", "0", "-0", "1", "-1", "2", "3", "7", "8", "64", "65", "1000", "10000", "1e3", "1.5", "1e-300", "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity",
        "255", "65535", "65536", "16777216", "16777217", "2147483646", "2147483647", "2147483648", "-2147483648", "4294967296", "9007199254740993",
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1" + new string('0', 400),
        "\"\"", "\" \"", "\"a\"", "\"0\"", "\"\\u0000\"", "\"\\u001b[2J\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\uffff\"", "\"\\n\"", "\"../../etc/passwd\"", "\"/\"", "\"C:\\\\x\"", "\"(\"",
        "\"[\"", "\"(a+)+b\"", "\"(?i)\"", "\"*\"", "\"all-linear\"", "\"F4\"", "\"F8_E4M3\"", "\"I64\"", "\"C64\"", "\"BOOL\"", "\"llama\"", "\"gemma2\"", "\"phi3\"", "\"a.b.c\"", "\"\u00e9\u4e2d\U0001F600\"",
        "[]", "{}", "[[]]", "[{}]", "{\"\":[]}", "[null]", "[0]", "[-1]", "[1,1]", "[0,0]", "[1,2,3,4,5,6,7,8,9]", "[\"\"]", "[\"a\",\"a\"]", "{\"a\":1,\"a\":2}", "{\"type\":\"Sequence\"}",
        "{\"a\":{\"b\":{\"c\":[1,{\"d\":null}]}}}",
        $"\"{new string('a', Long)}\"", $"\"{new string('(', Deep)}a{new string(')', Deep)}\"", $"\"{string.Concat(Enumerable.Repeat("a.", Deep))}a\"",
        new string('[', Deep) + new string(']', Deep), new string('[', 50) + new string(']', 50), string.Concat(Enumerable.Repeat("{\"a\":", 70)) + "1" + new string('}', 70),
        $"[{string.Join(',', Enumerable.Range(0, 5000))}]", $"[{string.Join(',', Enumerable.Range(0, 5000).Select(number => $"\"x{number}\""))}]",
    ];

    /// <summary>Pieces of bytes that are put anywhere.</summary>
    public static IReadOnlyList<byte[]> Bytes { get; } =
    [
        .. new[]
        {
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\ud800", "\0", "\n", "\r", "\t", "null", "-1", "1e3", "9223372036854775807", "18446744073709551616", "\"a\":", "\"__metadata__\":",
            "\"dtype\":\"F4\"", "\"shape\":[0]", "\"data_offsets\":[0,0]", "F64", "..", "/", "C:", ".bin", "weight_map", "\uFEFF", "//", "/*", "'", "NaN", "\u2028",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0x80], [0xFF, 0xFE], [0x1B, 0x5B, 0x32, 0x4A], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ];
}
