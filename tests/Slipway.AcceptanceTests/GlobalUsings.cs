global using Slipway.AcceptanceTests.Support;
global using Xunit;
