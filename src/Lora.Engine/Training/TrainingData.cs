namespace Lora;

/// <summary>What a run reads: files, and folders of files. Two are equal when they name the same in the same order.</summary>
/// <param name="Dataset">Full paths of what is learned from, in the order in which it is read.</param>
/// <param name="ValidationDataset">What the loss is taken on, each set by itself; none for no evaluation.</param>
public sealed record TrainingData(IReadOnlyList<string> Dataset, IReadOnlyList<ValidationSet> ValidationDataset)
{
    /// <summary>One file or folder each.</summary>
    /// <param name="dataset">Full path of what is learned from.</param>
    /// <param name="validationDataset">Full path of what the loss is taken on; null for none.</param>
    public TrainingData(string dataset, string? validationDataset = null)
        : this([dataset], validationDataset is null ? [] : [ValidationSet.Of([validationDataset])])
    {
    }

    /// <summary>
    /// How often an epoch has the rows of each path: floor(w) times all of them, and once more the share of them that is left, drawn anew for each
    /// epoch by the seed. None where each path counts once.
    /// </summary>
    public IReadOnlyList<double> DatasetWeight { get; init; } = [];

    /// <summary>Rows that are learned from in place of files; they stay the caller's to dispose. Null for none.</summary>
    public GivenRows? Rows { get; init; }

    /// <summary>Every name and weight that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. DatasetWeight.Count == 0 || DatasetWeight.Count == Dataset.Count ? Enumerable.Empty<LoraProblem>()
            : [new(LoraError.ConfigValueInvalid, DatasetWeight.Count, nameof(DatasetWeight), $"{DatasetWeight.Count} numbers for {Dataset.Count} datasets", "one for each")],
        .. from weight in DatasetWeight
           where !double.IsFinite(weight) || weight <= 0
           select new LoraProblem(LoraError.ConfigValueInvalid, weight, nameof(DatasetWeight), weight, "a number above 0; leave a dataset out by not naming it"),
        .. from set in ValidationDataset
           where string.IsNullOrWhiteSpace(set.Name) || set.Paths.Count == 0
           select new LoraProblem(LoraError.ConfigValueInvalid, set.Name, nameof(ValidationDataset), $"'{set.Name}' with {set.Paths.Count} files", "a name and at least one file"),
        .. from sets in ValidationDataset.GroupBy(set => set.Name, StringComparer.OrdinalIgnoreCase)
           where sets.Count() > 1
           select new LoraProblem(LoraError.ConfigValueInvalid, sets.Key, nameof(ValidationDataset), $"'{sets.Key}' {sets.Count()} times", "names that differ"),
    ];

    /// <summary>What the options ask of validation sets that are not there, all together.</summary>
    internal IEnumerable<LoraProblem> Check(TrainingOptions options)
    {
        if (options.EvaluationStep is not null && ValidationDataset.Count == 0)
        {
            yield return new(LoraError.ConfigValueInvalid, nameof(options.EvaluationStep), nameof(options.EvaluationStep), "without a ValidationDataset", "rows that are evaluated");
        }

        if (options.BestBy is string name && !ValidationDataset.Any(set => set.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
        {
            yield return new(LoraError.ConfigValueInvalid, name, nameof(options.BestBy), $"'{name}'", $"the name of a validation set: {string.Join(", ", ValidationDataset.Select(set => set.Name))}");
        }
    }

    /// <inheritdoc/>
    public bool Equals(TrainingData? other) =>
        // A record compares lists by reference: runs that read the same would each load the model anew.
        other is not null && Dataset.SequenceEqual(other.Dataset) && ValidationDataset.SequenceEqual(other.ValidationDataset)
        && DatasetWeight.SequenceEqual(other.DatasetWeight) && ReferenceEquals(Rows, other.Rows);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Dataset.Count, Dataset is [string first, ..] ? first : null);
}

/// <summary>Rows that are not learned from, and that have an evaluation of their own.</summary>
/// <param name="Name">What evaluations call them, for example <c>general</c>.</param>
/// <param name="Paths">Full paths of files, and of folders of files.</param>
public sealed record ValidationSet(string Name, IReadOnlyList<string> Paths)
{
    /// <summary>A set that is called by the names of its files.</summary>
    /// <param name="paths">Full paths of files, and of folders of files.</param>
    public static ValidationSet Of(IReadOnlyList<string> paths) =>
        new(string.Join(" + ", paths.Select(path => Path.GetFileName(Path.TrimEndingDirectorySeparator(path)))), paths);

    /// <inheritdoc/>
    public bool Equals(ValidationSet? other) => other is not null && Name == other.Name && Paths.SequenceEqual(other.Paths);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}
