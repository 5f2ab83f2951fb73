namespace Lora.Text;

/// <summary>The special tokens that go before and after an encoded text.</summary>
/// <param name="Before">The ids before it.</param>
/// <param name="After">The ids after it.</param>
/// <param name="Trimming">What becomes of spaces at the ends of the stretches that ids stand for; null: they stay.</param>
internal sealed record PostProcessor(IReadOnlyList<int> Before, IReadOnlyList<int> After, SpanTrimming? Trimming = null)
{
    private static readonly PostProcessor Nothing = new([], []);

    public static PostProcessor Read(TokenizerNode? node) => node is TokenizerNode present ? ReadOne(present) : Nothing;

    private static PostProcessor ReadOne(TokenizerNode node) => node.Type switch
    {
        "ByteLevel" => Nothing with { Trimming = SpanTrimming.Read(node) },
        "TemplateProcessing" => ReadTemplate(node),
        "BertProcessing" => new([IdOf(node, "cls")], [IdOf(node, "sep")]),
        "RobertaProcessing" => new([IdOf(node, "cls")], [IdOf(node, "sep")], SpanTrimming.Read(node)),
        // A later step stands around what the earlier ones made.
        "Sequence" => node.Items("processors").Select(ReadOne).Aggregate(Nothing, (inner, outer) => outer.Around(inner)),
        string other => throw node.Unsupported("the post-processor", other),
    };

    /// <summary>The id of a token that is given as <c>["[CLS]", 101]</c>.</summary>
    private static int IdOf(TokenizerNode node, string name) =>
        node.Items(name) is [_, TokenizerNode id] ? id.Number() : throw node.Invalid($"\"{name}\" is not a pair of a token and its id");

    private static PostProcessor ReadTemplate(TokenizerNode node)
    {
        List<int> before = [];
        List<int> after = [];
        bool textSeen = false;
        // The template "pair" is for two texts encoded together, which nothing here does.
        foreach (TokenizerNode part in node.Items("single"))
        {
            if (part.Optional("SpecialToken") is TokenizerNode special)
            {
                TokenizerNode token = node.Child("special_tokens").Child(special.Text("id"));
                (textSeen ? after : before).AddRange(token.Items("ids").Select(id => id.Number()));
            }
            else if (part.Child("Sequence").Text("id") == "A" && !textSeen)
            {
                textSeen = true;
            }
            else
            {
                throw node.Unsupported("the post-processor", "TemplateProcessing with a second text");
            }
        }

        return textSeen ? new(before, after) : throw node.Invalid("the template of \"post_processor\" has no place for the text");
    }

    private PostProcessor Around(PostProcessor inner) => new([.. Before, .. inner.Before], [.. inner.After, .. After], inner.Trimming ?? Trimming);
}
