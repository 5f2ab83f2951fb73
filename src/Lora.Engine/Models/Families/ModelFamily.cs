using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>What is special about a model_type. One file each; <see cref="KnownFamilies"/> lists them.</summary>
internal abstract class ModelFamily
{
    /// <summary><c>model_type</c> of config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary>The names that do not hang on a configuration.</summary>
    public abstract FamilyNames Names { get; }

    /// <summary>The sizes of transformers' class, as JSON: what a configuration inside of another one leaves out where it has these values.</summary>
    public virtual string SizesWithin => "{}";

    /// <summary>Whether a class of transformers has a head over the vocabulary, or is the bare body, whose embedding may serve as one; a classifier has
    /// the same body and another head.</summary>
    public virtual bool IsLanguageModel(string architecture) =>
        !architecture.Contains("For", StringComparison.Ordinal) || architecture.Contains("ForCausalLM", StringComparison.Ordinal);

    /// <summary>The model that a config.json describes. What is wrong with it is reported to the values, and is thrown by who reads the file.</summary>
    /// <param name="values">The file; keys of both generations of transformers, 4 and 5.</param>
    public abstract ModelShape Read(ConfigValues values);
}
