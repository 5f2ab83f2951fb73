using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>What is special about a model_type. One file each; <see cref="KnownFamilies"/> lists them.</summary>
internal abstract class ModelFamily
{
    /// <summary><c>model_type</c> of config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary>The names that do not hang on a configuration.</summary>
    public abstract FamilyNames Names { get; }

    /// <summary>The model that a config.json describes. What is wrong with it is reported to the values, and is thrown by who reads the file.</summary>
    /// <param name="values">The file; keys of both generations of transformers, 4 and 5.</param>
    public abstract ModelShape Read(ConfigValues values);
}
