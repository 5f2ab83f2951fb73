using System.Runtime.InteropServices;

namespace Lora.Tests;

/// <summary>What TorchSharp throws when torch fails.</summary>
internal sealed class TorchFailure(string message) : ExternalException(message);
