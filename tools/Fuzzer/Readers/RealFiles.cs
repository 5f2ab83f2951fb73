using System.Reflection;

namespace Lora.Tools.Fuzzer;

/// <summary>The undamaged files: the example model and what other implementations wrote for the tests.</summary>
internal static class RealFiles
{
    private static readonly string[] ModelLists = ["configs", "families"];

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = typeof(RealFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>The folder of the example model.</summary>
    public static string Model { get; } = Path.Combine(Root, "examples", "model");

    /// <summary>The rows of the examples.</summary>
    public static string Rows { get; } = Path.Combine(Root, "examples", "data", "animal-notes.validation.jsonl");

    /// <summary>Parquet files of every codec and shape.</summary>
    public static string[] Parquet() => [.. Directory.GetFiles(Path.Combine(Root, "tests", "fixtures", "parquet"), "*.parquet").Order(StringComparer.Ordinal)];

    /// <summary>The folder of a small model of a family.</summary>
    public static string Family(string name) => Path.Combine(Root, "tests", "fixtures", "families", name);

    /// <summary>The folders of configurations without weights.</summary>
    public static string[] Configurations() =>
    [
        .. ModelLists.SelectMany(list => Directory.GetDirectories(Path.Combine(Root, "tests", "fixtures", list)).Order(StringComparer.Ordinal))
            .Where(folder => Directory.GetFiles(folder, "*.safetensors").Length == 0),
    ];

    /// <summary>The folders of tokenizers of all kinds.</summary>
    public static string[] Tokenizers() =>
        [.. Directory.GetDirectories(Path.Combine(Root, "tests", "fixtures", "tokenizers")).Order(StringComparer.Ordinal), Model];

    /// <summary>The folders of tokenizers without a tokenizer.json.</summary>
    public static string[] Vocabularies() =>
        [.. Directory.GetDirectories(Path.Combine(Root, "tests", "fixtures", "vocabularies")).Order(StringComparer.Ordinal)];

    /// <summary>Copies files into a folder, which is made.</summary>
    public static void Copy(string from, string to, params string[] names)
    {
        Directory.CreateDirectory(to);
        foreach (string name in names)
        {
            File.Copy(Path.Combine(from, name), Path.Combine(to, name), overwrite: true);
        }
    }

    /// <summary>One of a list.</summary>
    public static T Any<T>(this Random random, IReadOnlyList<T> list) => list[random.Next(list.Count)];
}
