namespace Lora.Tools.Fuzzer;

/// <summary>Every reader of files and texts that others wrote.</summary>
internal static class AllReaders
{
    /// <summary>Those that are run unless others are asked for.</summary>
    public static IReadOnlyList<Reader> Usual { get; } =
        [
            .. CheckpointReaders.All, .. GgufReaders.All, .. AdapterReaders.All, .. TextReaders.All, .. VocabularyReaders.All, .. DatasetReaders.All, .. PatternReaders.All,
            .. TorchReaders.All, .. TaskModelReaders.All, .. QuantizedReaders.All, .. HubReaders.All,
        ];

    /// <summary>A reader by its name; null for none. Those with a fault are found too.</summary>
    public static Reader? Find(string name) => Usual.Concat(FaultyReaders.All).FirstOrDefault(reader => reader.Name == name);
}
