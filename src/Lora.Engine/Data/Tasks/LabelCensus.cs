using System.Globalization;

namespace Lora.Data;

/// <summary>Looks at the labels of all rows, and says in the end which there are and what they mean.</summary>
internal sealed class LabelCensus
{
    private readonly HashSet<RowLabel> found = [];
    private bool hasLists;
    private bool hasFractions;
    private bool areHot = true;
    private int? width;

    /// <summary>Looks at a row; one without labels says nothing.</summary>
    public void Look(DatasetRow row)
    {
        switch (row)
        {
            case LabelledRow labelled:
                hasLists |= labelled.IsList;
                hasFractions |= labelled.Labels.Any(label => label.HasFraction);
                // The fraction tells: [1, 0] are the labels 1 and 0, [1.0, 0.0] says of two labels whether they are there.
                areHot &= labelled.IsList && labelled.Labels.All(label => label.HasFraction && Number(label) is 0 or 1) && (width ?? labelled.Labels.Count) == labelled.Labels.Count;
                width ??= labelled.Labels.Count;
                found.UnionWith(labelled.Labels);
                break;
            case TaggedRow tagged:
                found.UnionWith(tagged.Tags);
                break;
        }
    }

    /// <summary>
    /// The labels. A number with a fraction makes a regression of them, a list labels that each are there or not; a list of 1.0 and 0.0 says of each label
    /// whether it is there. Names that are not known yet are those of the rows, in their order as text or, where all are numbers, as numbers.
    /// </summary>
    /// <param name="task">What is known of them.</param>
    /// <param name="format">What is said of the rows.</param>
    public LabelSet Decide(LearnedTask task, DatasetFormat? format)
    {
        KnownLabels? known = task.Labels;
        bool isHot = areHot && width > 0;
        LabelKind kind = task.Kind == TaskKind.TokenClassification ? LabelKind.One
            : format == DatasetFormat.Score ? LabelKind.Number
            : known?.Kind
            ?? (known?.Names.Count == 1 || (format != DatasetFormat.Label && hasFractions && !isHot) ? LabelKind.Number : hasLists ? LabelKind.Several : LabelKind.One);
        IReadOnlyList<string> names = (known is null || kind == LabelKind.Number ? known?.Names : Named(known))
            ?? (kind == LabelKind.Number || (kind == LabelKind.Several && isHot) ? LabelSet.Unnamed(width ?? 1) : [.. Ordered()]);
        return new(kind, names, kind == LabelKind.Several && isHot);
    }

    /// <summary>The known names; the rows' own in place of those that nobody gave, where the rows have others.</summary>
    private IReadOnlyList<string> Named(KnownLabels known) =>
        !known.AreUnnamed || found.All(label => known.Names.Contains(label.Text) || label.IsNumber) ? known.Names : [.. Ordered(), .. known.Names.Skip(found.Count)];

    private IEnumerable<string> Ordered() => found.All(label => label.IsNumber)
        ? found.OrderBy(Number).Select(label => label.Text)
        : found.Select(label => label.Text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static double Number(RowLabel label) => double.Parse(label.Text, NumberStyles.Float, CultureInfo.InvariantCulture);
}
