using System.Text;
using Slipway.Contract.Connect;
using Xunit;

namespace Slipway.Tests.Contract;

/// <summary>Connect errors as JSON.</summary>
public sealed class ErrorBodyTests
{
    [Fact]
    public void Every_code_reads_back_from_both_forms()
    {
        foreach (var code in Enum.GetValues<ConnectCode>())
        {
            Assert.Equal((code, "a \"b\""), Read(ErrorBody.Unary(code, "a \"b\"")));
            Assert.Equal((code, "ü"), Read(ErrorBody.EndOfStream(code, "ü")));
        }
    }

    [Fact]
    public void A_stream_that_ended_well_has_an_empty_object() => Assert.Equal("{}", Encoding.UTF8.GetString(ErrorBody.EndOfStream(null, "")));

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"error\":3}")]
    public void What_is_no_error_is_not_taken_for_one(string text) => Assert.Null(ErrorBody.Read(Encoding.UTF8.GetBytes(text)));

    private static (ConnectCode, string) Read(byte[] body) => ErrorBody.Read(body) is { } error ? (error.Code, error.Message) : default;
}
