namespace Lora.Models;

/// <summary>
/// A model that sees, of which the decoder is computed: with text alone it is the language model that its text_config describes, behind another name. What
/// sees is neither loaded nor trained.
/// </summary>
/// <param name="modelType"><c>model_type</c>.</param>
internal abstract class VisionLanguageFamily(string modelType) : ModelFamily
{
    private const string Text = "text_config";
    private const string Tie = "tie_word_embeddings";

    /// <inheritdoc/>
    public sealed override string ModelType => modelType;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        .. new[] { "gemma3", "internvl", "llava", "llava_next", "llava_next_video", "llava_onevision", "mistral3", "vipllava" }.Select(type => new LlavaLike(type)),
        .. new[] { "idefics3", "smolvlm" }.Select(type => new Idefics3(type)),
        .. new[] { "qwen2_5_vl", "qwen2_vl" }.Select(type => new Qwen2Vl(type)),
    ];

    /// <inheritdoc/>
    public sealed override bool IsLanguageModel(string architecture) => base.IsLanguageModel(architecture) || architecture.EndsWith("ForConditionalGeneration", StringComparison.Ordinal);

    /// <summary>The dotted name of the decoder.</summary>
    protected abstract string Body { get; }

    /// <summary>The language model where text_config does not say.</summary>
    protected virtual string UsualText => "llama";

    /// <inheritdoc/>
    public sealed override ModelShape Read(ConfigValues values)
    {
        ModelShape shape = ReadDecoder(values);
        bool isOutside = values.Has(Tie) && values.Object(Text)?.Has(Tie) != true;
        return shape with { Family = this, Body = Body, Head = shape.Head with { IsTied = isOutside ? values.Flag(Tie) : shape.Head.IsTied } };
    }

    /// <summary>The language model.</summary>
    protected virtual ModelShape ReadDecoder(ConfigValues values)
    {
        string type = values.Object(Text)?.Text("model_type") ?? UsualText;
        if (KnownFamilies.Find(type) is ModelFamily family and not VisionLanguageFamily)
        {
            return family.Read(Decoder(values, family.SizesWithin));
        }

        values.ReportUnsupported($"text_config.model_type is '{type}', which is not computed; known are {KnownFamilies.NearestTo(type)}");
        values.ThrowIfAnyProblem();
        throw new InvalidOperationException(); // what was reported has been thrown
    }

    /// <summary>The keys of the language model: files of transformers 4 may have them beside the others.</summary>
    protected static ConfigValues Decoder(ConfigValues values, string sizes) => values.Object(Text, sizes) ?? values;
}
