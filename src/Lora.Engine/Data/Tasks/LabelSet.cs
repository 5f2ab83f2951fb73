using System.Globalization;

namespace Lora.Data;

/// <summary>The labels of a classification, in the order of their ids.</summary>
/// <param name="Kind">How many of them a row has.</param>
/// <param name="Names">Their names.</param>
/// <param name="IsMultiHot">Whether rows have, of each label, 1 or 0 in place of its name.</param>
internal sealed record LabelSet(LabelKind Kind, IReadOnlyList<string> Names, bool IsMultiHot = false)
{
    private const int MostNamed = 8;

    /// <summary>How many there are.</summary>
    public int Count => Names.Count;

    /// <summary>What is known of them before other rows are read.</summary>
    public KnownLabels Known => new(Kind, Names);

    /// <summary>The names that labels have which nobody named: <c>LABEL_0</c>, as in transformers.</summary>
    public static IReadOnlyList<string> Unnamed(int count) => [.. Enumerable.Range(0, count).Select(id => string.Create(CultureInfo.InvariantCulture, $"LABEL_{id}"))];

    /// <summary>The id of a label: that of its name, or the number itself.</summary>
    /// <exception cref="FormatException">There is no such label.</exception>
    public int Id(RowLabel label)
    {
        // Names go before numbers: labels that are called by numbers may have other ids.
        for (int id = 0; id < Count; id++)
        {
            if (Names[id] == label.Text)
            {
                return id;
            }
        }

        return int.TryParse(label.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < Count ? number
            : throw new FormatException($"its label {RowReading.Quoted(label.Text)} is none of {string.Join(", ", Names.Take(MostNamed).Select(RowReading.Quoted))}{(Count > MostNamed ? $" and {Count - MostNamed} more" : "")}");
    }

    /// <summary>What is to be predicted of a row that has numbers, or labels of which each is there or not.</summary>
    /// <exception cref="FormatException">There is no such label, or there are too few or too many numbers.</exception>
    public LabelValues Values(IReadOnlyList<RowLabel> labels) => new(Numbers(labels), Kind == LabelKind.Number);

    private float[] Numbers(IReadOnlyList<RowLabel> labels)
    {
        if (Kind == LabelKind.Number || IsMultiHot)
        {
            return labels.Count == Count ? [.. labels.Select(Number)] : throw new FormatException($"it has {labels.Count} numbers where {Count} are expected");
        }

        float[] values = new float[Count];
        foreach (RowLabel label in labels)
        {
            values[Id(label)] = 1;
        }

        return values;
    }

    /// <inheritdoc/>
    public bool Equals(LabelSet? other) => other is not null && Kind == other.Kind && IsMultiHot == other.IsMultiHot && Names.SequenceEqual(other.Names);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Count);

    private static float Number(RowLabel label) =>
        float.TryParse(label.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number) ? number
            : throw new FormatException($"{RowReading.Quoted(label.Text)} is not a number");
}

/// <summary>How many labels a row has, and what they are.</summary>
internal enum LabelKind
{
    /// <summary>One of them.</summary>
    One,

    /// <summary>Any of them.</summary>
    Several,

    /// <summary>A number for each: regression.</summary>
    Number,
}

/// <summary>Labels that are known before rows are read.</summary>
/// <param name="Kind">How many of them a row has; null where the rows say.</param>
/// <param name="Names">Their names in the order of their ids.</param>
internal sealed record KnownLabels(LabelKind? Kind, IReadOnlyList<string> Names)
{
    /// <summary>Whether nobody gave them names.</summary>
    public bool AreUnnamed => Names.SequenceEqual(LabelSet.Unnamed(Names.Count));

    /// <inheritdoc/>
    public bool Equals(KnownLabels? other) => other is not null && Kind == other.Kind && Names.SequenceEqual(other.Names);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Names.Count);
}

/// <summary>A label as a row has it.</summary>
/// <param name="Text">Its name, or a number as it is written.</param>
/// <param name="IsNumber">Whether it is a number of JSON, or a field that reads as one.</param>
internal readonly record struct RowLabel(string Text, bool IsNumber)
{
    /// <summary>Whether it is a number that is written with a fraction: 3.0 is, and 3 is not.</summary>
    public bool HasFraction => IsNumber && Text.AsSpan().ContainsAny(".eE");
}

/// <summary>Numbers that are predicted in place of a class.</summary>
/// <param name="Numbers">One for each label; of labels that are there or not, 1 or 0.</param>
/// <param name="AreNumbers">Whether they are numbers: regression.</param>
internal sealed record LabelValues(float[] Numbers, bool AreNumbers);
