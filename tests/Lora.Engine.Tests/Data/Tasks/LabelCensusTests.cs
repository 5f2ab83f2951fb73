using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>What the labels of rows mean, told from all of them.</summary>
public class LabelCensusTests
{
    private static readonly LearnedTask Texts = new(TaskKind.SequenceClassification);

    [Theory]
    [InlineData(new[] { "good", "bad", "good" }, false, "One", new[] { "bad", "good" })]
    [InlineData(new[] { "#2", "#10", "#1" }, false, "One", new[] { "1", "2", "10" })]
    [InlineData(new[] { "#1", "#0.5" }, false, "Number", new[] { "LABEL_0" })]
    [InlineData(new[] { "#3.0", "#4.0" }, false, "Number", new[] { "LABEL_0" })]
    [InlineData(new[] { "a", "b" }, true, "Several", new[] { "a", "b" })]
    public void Names_are_sorted_and_fractions_are_numbers(string[] labels, bool areLists, string kind, string[] names)
    {
        LabelCensus census = new();
        foreach (string label in labels)
        {
            census.Look(new LabelledRow(1, "text", [Label(label)], areLists));
        }

        LabelSet found = census.Decide(Texts, format: null);

        Assert.Equal(Enum.Parse<LabelKind>(kind), found.Kind);
        Assert.Equal(names, found.Names);
        Assert.False(found.IsMultiHot);
    }

    [Fact]
    public void Lists_of_one_and_zero_with_a_fraction_say_of_each_label_whether_it_is_there()
    {
        LabelCensus census = new();
        census.Look(new LabelledRow(1, "text", [Label("#1.0"), Label("#0.0")], IsList: true));
        census.Look(new LabelledRow(2, "text", [Label("#0.0"), Label("#0.0")], IsList: true));

        LabelSet found = census.Decide(Texts, format: null);

        Assert.Equal((LabelKind.Several, true, 2), (found.Kind, found.IsMultiHot, found.Count));
        Assert.Equal([1f, 0f], found.Values([Label("#1.0"), Label("#0.0")]).Numbers);
        Assert.Throws<FormatException>(() => found.Values([Label("#1.0")]));
    }

    [Fact]
    public void Known_names_stand_and_unnamed_ones_give_way_to_those_of_the_rows()
    {
        LabelCensus census = new();
        census.Look(new LabelledRow(1, "text", [Label("good")], IsList: false));
        census.Look(new LabelledRow(2, "text", [Label("bad")], IsList: false));

        Assert.Equal(["bad", "good", "LABEL_2"], census.Decide(Texts with { Labels = new(null, LabelSet.Unnamed(3)) }, null).Names);
        LabelSet known = census.Decide(Texts with { Labels = new(null, ["good", "fair", "bad"]) }, null);
        Assert.Equal((0, 2, 1), (known.Id(Label("good")), known.Id(Label("bad")), known.Id(Label("#1"))));
        Assert.Contains("none of \"good\", \"fair\", \"bad\"", Assert.Throws<FormatException>(() => known.Id(Label("worse"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_format_that_is_said_decides_between_numbers_and_names()
    {
        LabelCensus census = new();
        census.Look(new LabelledRow(1, "text", [Label("#1")], IsList: false));
        census.Look(new LabelledRow(2, "text", [Label("#2")], IsList: false));

        Assert.Equal(LabelKind.One, census.Decide(Texts, format: null).Kind);
        Assert.Equal(LabelKind.Number, census.Decide(Texts, DatasetFormat.Score).Kind);
    }

    private static RowLabel Label(string text) => text.StartsWith('#') ? new(text[1..], IsNumber: true) : new(text, IsNumber: false);
}
